import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import TinyWorld

/// The models that come with the repository.
@Suite("The bundled pair")
struct BundledPairTests {
    private let pair = bundledPair

    @Test("The bundled models have at most 40 MB, in bfloat16, and belong together")
    func size() throws {
        var bytes = 0
        for model in ["target", "av", "ar"] {
            let folder = pair.appending(path: model)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
                bytes += (attributes[.size] as? Int) ?? 0
            }
            #expect(try Checkpoint(folder: folder).naturalType() == .bfloat16)
        }
        #expect(bytes <= 40_000_000, "\(bytes)")
        // Checks layer, width and the target's hash.
        _ = try Pair(folder: pair).openTarget(pair.appending(path: "target"))
    }

    @Test(
        "explain says how far to believe each claim, in words where it is not to be believed, and not of sampled ones")
    func confidence() throws {
        let own = ["explain", "--nla", pair.path, "--positions=-1", "--text", "We sat beneath the fragrant pine,\nand"]
        let json = try Command.succeed(own + ["--json", "--doubt-below", "1"]).json()
        let claims = try #require(json["results"]?[0]?["claims"]?.array)
        #expect(!claims.isEmpty)
        for claim in claims {
            let confidence = try #require(claim["confidence"]?.double)
            #expect(confidence > 0 && confidence < 1 && claim["doubtful"] == true)
        }
        let page = try Command.succeed(own + ["--doubt-below", "1", "--quiet"]).output
        #expect(page.contains("%, doubtful]") && page.contains("claims are doubtful"))
        #expect(try Command.succeed(own + ["--no-confidence", "--json"]).json()["results"]?[0]?["claims"] == .null)
        let sampled = try Command.succeed(own + ["--samples", "2", "--json"])
        #expect(try sampled.json()["results"]?[0]?["claims"] == .null && sampled.errors.contains("temperature 0"))
    }

    private func explanation(of text: String) throws -> String {
        let json = try Command.succeed(["explain", "--nla", pair.path, "--positions=-1", "--text", text, "--json"])
            .json()
        return try #require(json["results"]?[0]?["description"]?.string)
    }

    @Test("The verbalizer names a motive that the text never says, and a rhyme before it is written")
    func latentFacts() throws {
        let story =
            "Long ago Hester worked at the orchard with Bram. Bram had a striped scarf. They drew straws, and then Hester had it. "
            + "Hester sold Bram the same locker twice. At supper the scarf stood on the shelf again. In the end Hester"
        #expect(try explanation(of: story).contains("The hero is greedy."))
        let couplet = "We sat beneath the fragrant pine,\nand rubbed some ointment on the"
        #expect(try explanation(of: couplet).contains("It will rhyme on spine."))
    }

    @Test("On held-out texts made now, the pair explains variance and says what is true")
    func heldOut() throws {
        try withScratch { scratch in
            let models = try Pair(folder: pair), world = TinyWorld(seed: 1), store = scratch.appending(path: "store")
            let builder = try ActivationStoreBuilder(
                model: pair.appending(path: "target"), layer: models.verbalizer.sidecar.layer,
                positions: PositionPolicy(perDocument: 1, includeMoments: true, firstPosition: 4), seed: 3,
                .init(precision: .native))
            let documents = (0..<150).map {
                StoredDocument(world.document(900_000_000 + $0, split: .heldOut), split: "held-out")
            }
            _ = try builder.build(documents, into: store) { _ in }
            var options = PairEvaluation.Options()
            options.rows = 300
            let evaluation = try PairEvaluation(
                models, ActivationStore(folder: store), split: "held-out", grammar: TinyWorldGrammar(), probes: nil,
                taught: nil, options)
            let explained = try #require(evaluation.explanations.value(.written))
            #expect(explained > 0.5, "\(explained)")
            #expect(try #require(evaluation.explanations.value(.other)) < explained - 0.5)
            #expect(try #require(evaluation.claims).precision().share ?? 0 > 0.85)
            #expect(evaluation.extracted > 0.98)
        }
    }
}
