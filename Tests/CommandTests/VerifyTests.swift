import Autoencoder
import Foundation
import JSON
import Tensors
import TestSupport
import Testing

@Suite("nla verify")
struct VerifyTests {
    private let pair = bundledPair.path

    @Test(
        "The bundled pair is verified without a store: words, target, claims and facts, on a page and in a confidence file"
    )
    func bundled() throws {
        try withScratch { folder in
            let page = folder.appending(path: "page.html"), confidence = folder.appending(path: "confidence.json")
            // A second reader that differs by the rounding of its weights: it understands what the pair's own does.
            let second = folder.appending(path: "second")
            try Reconstructor(folder: Pair.folders(bundledPair).reconstructor).write(to: second, type: .float16)
            let json = try Command.succeed([
                "verify", "--nla", pair, "--second-reader", second.path, "--rows", "60", "--fitting-rows", "60",
                "--resamples", "50", "--samples", "4",
                "--report", page.path, "--write-confidence", confidence.path, "--json",
            ]).json()
            func value(_ name: String) throws -> Double {
                try #require(json["findings"]?[name]?["value"]?.double, "\(name)")
            }
            #expect(json["rows"] == 60)
            // What is known of any pair that reads at all.
            #expect(try value("fve_written") > 0.3 && value("fve_empty") < 0 && value("fve_other") < value("fve_empty"))
            #expect(try value("fve_shuffled") < value("fve_shuffled_before"))
            #expect(
                try value("kl_reconstruction") < value("kl_mean") && value("kl_random") < value("kl_reconstruction"))
            #expect(try value("auc") > 0.7 && value("claims_true") > 0.75)
            #expect(try value("continuation") > 3 * value("continuation_other"))
            #expect(try abs(value("second_fve_written") - value("fve_written")) < 0.02)
            #expect(try abs(value("continuation_second") - value("continuation")) < 0.1)
            #expect(try abs(value("facts_second_latent_all") - value("facts_words_latent_all")) < 0.1)
            let drawn = try String(contentsOf: page, encoding: .utf8)
            #expect(drawn.contains("<svg") && drawn.contains("Which claims to believe") && !drawn.contains("http"))
            // It begins with what was found, in sentences.
            let shared = String(format: "%.3f", try value("second_fve_written"))
            #expect(drawn.contains("<ul class=\"findings\"><li>The words carry 0."))
            #expect(drawn.contains("<li>A reader that never met the verbalizer makes \(shared) ["))
            let model = try JSONValue.parse(Data(contentsOf: confidence))
            #expect(model["format"] == "interlinear-confidence" && model["samples"] == 4)
        }
    }

    @Test("What cannot be verified is refused before anything is computed")
    func refusals() throws {
        try withScratch { folder in
            try Command.fail(["verify", "--nla", folder.path], mentioning: [folder.path, "no folder av"])
            let missing = folder.appending(path: "nowhere").path
            try Command.fail(["verify", "--nla", pair, "--store", missing], mentioning: [missing])
            try Command.fail(["verify", "--nla", pair, "--second-reader", missing], mentioning: [missing])
            let two = ["verify", "--nla", pair, "--nla", "b=\(pair)"]
            #expect(try Command.run(two + ["--write-confidence", missing]).status == 64)
            #expect(try Command.run(["verify", "--nla", pair, "--rows", "1"]).status == 64)
        }
    }
}
