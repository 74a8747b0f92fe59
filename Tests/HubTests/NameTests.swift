import Foundation
import Hub
import JSON
import Testing

@Suite struct NameTests {
    @Test(
        arguments: [
            ("org/name", "model", "org/name", nil, nil),
            ("org/name@v1.0", "model", "org/name", "v1.0", nil),
            ("org/name@refs/pr/3", "model", "org/name", "refs/pr/3", nil),
            ("org/name@feature/x", "model", "org/name", "feature/x", nil),
            ("models/org/name", "model", "org/name", nil, nil),
            ("datasets/org/name@main", "dataset", "org/name", "main", nil),
            ("org/name:Q4_K_M/name.gguf", "model", "org/name", nil, "Q4_K_M/name.gguf"),
            ("org/name@v1:name.gguf", "model", "org/name", "v1", "name.gguf"),
            ("hf://org/name", "model", "org/name", nil, nil),
            ("hf://org/name@rev/av/config.json", "model", "org/name", "rev", "av/config.json"),
            ("hf://org/name/av", "model", "org/name", nil, "av"),
            ("hf://org/name/av/", "model", "org/name", nil, "av"),
            (
                "hf://datasets/org/name@refs/convert/parquet/a/b.parquet", "dataset", "org/name",
                "refs/convert/parquet", "a/b.parquet"
            ),
            ("hf://datasets/org/name@refs/pr/3/train.json", "dataset", "org/name", "refs/pr/3", "train.json"),
            ("hf://org/name@feature%2Fx/a", "model", "org/name", "feature/x", "a"),
            ("kitft/nla-qwen2.5-7b-L20-av", "model", "kitft/nla-qwen2.5-7b-L20-av", nil, nil),
        ] as [(String, String, String, String?, String?)])
    func aNameIsReadAndWrittenBack(_ text: String, kind: String, id: String, revision: String?, path: String?) throws {
        let reference = try HubReference(text)
        #expect(reference.kind.rawValue == kind && reference.id == id)
        #expect(reference.revision == revision && reference.path == path)
        #expect(try HubReference(reference.description) == reference)
    }

    @Test func whatIsExpectedDecidesWhereNothingSays() throws {
        #expect(try HubReference("org/name", expecting: .dataset).kind == .dataset)
        #expect(try HubReference("models/org/name", expecting: .dataset).kind == .model)
    }

    @Test(arguments: [
        ("org", "two parts"), ("org/name/more", "hf://org/name/more"), ("spaces/org/name", "spaces hold no"),
        ("https://huggingface.co/org/name", "https addresses"), ("org/na--me", "can be called that"),
        ("org/na..me", "can be called that"), ("org/.name", "can be called that"),
        ("org/name.git", "can be called that"),
        ("org/na me", "can be called that"), ("/name", "can be called that"), ("org/", "can be called that"),
        ("org/name@", "no revision"), ("org/name@a..b", "can be called"), ("org/name@../x", "can be called"),
        ("org/name@a b", "can be called"), ("org/name@/x", "can be called"), ("org/name@x.lock", "can be called"),
        ("hf://org/name/../x", "leads out"), ("hf://org/name/a//b", "leads out"),
        ("hf://org/name/a\\..\\b", "leads out"), ("org/name:", "no file stands after :"),
        ("org/name:../a.gguf", "leads out"), ("org/name:a:b/../c", "leads out"),
        ("hf://", "two parts"), ("", "the empty name"),
    ])
    func whatIsNoNameIsRefusedInOneLine(_ text: String, why: String) throws {
        let error = #expect(throws: HubError.self) { try HubReference(text) }
        #expect(error?.kind == .name)
        #expect(error?.description.contains(why) == true, "\(error as Any)")
        #expect(error?.description.contains("\n") == false)
    }

    @Test func aFolderThatIsThereIsMeantBeforeTheHub() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hub-name-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try HubName(folder.path) == .local(URL(fileURLWithPath: folder.path)))
        #expect(try HubName("org/name") == .hub(HubReference("org/name")))
        for name in ["./org/name", "/org/name/x", "~/x", "name"] {
            let error = #expect(throws: HubError.self) { try HubName(name) }
            #expect(error?.description == "\(name): no such folder")
        }
    }
}

@Suite struct SettingsTests {
    @Test(
        arguments: [
            // From huggingface_hub.constants under the same environment, with HOME=/h.
            (["HF_HUB_CACHE": "/c"], "/c"), (["HF_HOME": "~/m"], "/h/m/hub"),
            (["HF_HOME": "$A/m", "A": "/a"], "/a/m/hub"),
            (["HF_HOME": "/m/", "XDG_CACHE_HOME": "/x"], "/m/hub"), (["XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
            (["HUGGINGFACE_HUB_CACHE": "/u", "HF_HUB_CACHE": "/c"], "/c"),
            (["HUGGINGFACE_HUB_CACHE": "/u", "HF_HOME": "/m"], "/u"),
            ([:], "/h/.cache/huggingface/hub"),
        ] as [([String: String], String)])
    func theCacheIsWhereTheEcosystemHasIt(_ environment: [String: String], path: String) throws {
        #expect(try HubSettings(environment: environment.merging(["HOME": "/h"]) { $1 }).cache.path == path)
        #expect(HubSettings.cache(environment: environment.merging(["HOME": "/h"]) { $1 }).path == path)
    }

    @Test func wordsForYesAreThoseOfTheEcosystem() throws {
        for word in ["1", "true", "ON", "Yes"] {
            let settings = try HubSettings(environment: ["HF_HUB_OFFLINE": word, "HF_HUB_DISABLE_PROGRESS_BARS": word])
            #expect(settings.isOffline && settings.hidesProgress)
        }
        for word in ["0", "", "no", "off"] {
            #expect(try !HubSettings(environment: ["HF_HUB_OFFLINE": word]).isOffline)
        }
        #expect(try HubSettings(environment: ["TRANSFORMERS_OFFLINE": "1"]).isOffline)
    }

    @Test(arguments: [
        ["HF_ENDPOINT": "mirror.example"], ["HF_ENDPOINT": "ftp://mirror.example"],
        ["HTTPS_PROXY": "https://proxy.example"],
        ["HF_TOKEN": "hf_grün"], ["HF_HUB_DOWNLOAD_TIMEOUT": "soon"],
    ])
    func aVariableThatSaysNothingUsableIsRefusedByName(_ environment: [String: String]) throws {
        let error = #expect(throws: HubError.self) { try HubSettings(environment: environment) }
        #expect(error?.kind == .settings && error?.description.hasPrefix(environment.keys.first ?? "") == true)
        // A token is nowhere shown.
        #expect(error?.description.contains("grün") == false)
    }

    @Test func aTokenDoesNotShowItself() throws {
        let settings = try HubSettings(environment: ["HF_TOKEN": "hf_secret"])
        var text = "\(settings)"
        dump(settings, to: &text)
        #expect(!text.contains("hf_secret"))
    }
}

@Suite struct SelectionTests {
    @Test(arguments: [
        // As Python's fnmatch.fnmatchcase.
        ("*.json", "a.json", true), ("*.json", "b/a.json", true), ("a/*", "a/b/c", true), ("a/", "a/b/c", true),
        ("?.json", "a.json", true), ("?.json", "ab.json", false), ("[ab].json", "b.json", true),
        ("[!ab].json", "b.json", false),
        ("[a-c]x", "bx", true), ("[", "[", true), ("[]]", "]", true), ("*.JSON", "a.json", false), ("", "", true),
        ("", "a", false),
        ("*a*b*c*", "xxaxxbxxcxx", true), ("*a*b*c*", "xxaxxcxxbxx", false),
        ("model-*-of-*.safetensors", "model-00001-of-00002.safetensors", true),
        ("**", "a/b", true), ("a\\*", "a/b", true),
    ])
    func aPatternMatchesAsPythonsDoes(_ pattern: String, path: String, matches: Bool) {
        let chosen = Glob(pattern).matches(path)
        #expect(chosen == matches, "\(pattern) \(path)")
    }

    @Test func aPatternOfManyStarsTakesNoTime() {
        #expect(!Glob(String(repeating: "*a", count: 40)).matches(String(repeating: "a", count: 2000) + "b"))
    }

    private func chosen(_ selection: FileSelection, _ paths: [String]) -> [String] { selection.choose(paths) }

    @Test func aModelIsItsConfigurationTokenizerAndWeightsOnce() {
        let paths = [
            ".gitattributes", "README.md", "config.json", "generation_config.json", "tokenizer.json",
            "tokenizer_config.json",
            "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
            "consolidated-00001-of-00002.safetensors", "consolidated.safetensors", "pytorch_model.bin",
            "original/model.pth",
            "onnx/model.onnx", "model.gguf", "value_head.safetensors", "nla_meta.yaml", "chat_template.jinja",
        ]
        #expect(
            Set(chosen(.model, paths)) == [
                "README.md", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
                "value_head.safetensors", "nla_meta.yaml", "chat_template.jinja",
            ])
        #expect(
            chosen(.model, ["model.safetensors", "model.fp16.safetensors", "config.json"]) == [
                "model.safetensors", "config.json",
            ])
        #expect(
            Set(
                chosen(
                    .model, ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "tokenizer.json"])
            )
                == ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"])
    }

    @Test func whereThereAreNoSafetensorsTheOnlyGGUFModelIsTaken() {
        let parts = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]
        #expect(chosen(.model, ["README.md", "a.Q4_0.gguf", "mmproj-a.gguf"]) == ["README.md", "a.Q4_0.gguf"])
        #expect(chosen(.model, parts) == parts)
        #expect(chosen(.model, ["README.md", "a.Q4_0.gguf", "a.Q8_0.gguf"]) == ["README.md"])
        #expect(
            chosen(.model, ["config.json", "model.safetensors", "a.gguf"]) == ["config.json", "model.safetensors"])
        #expect(FileSelection.model.suffices?(["a.gguf"]) == true && FileSelection.model.suffices?(parts) == true)
        #expect(FileSelection.model.suffices?([parts[0]]) == false)
        #expect(chosen(.tokenizer, ["README.md", "a.gguf"]) == ["a.gguf"])
        #expect(chosen(.tokenizer, ["tokenizer.json", "a.gguf"]) == ["tokenizer.json"])
    }

    @Test func aPartOfAGGUFModelThatIsNamedBringsTheOthers() {
        let paths = ["q/m-00001-of-00002.gguf", "q/m-00002-of-00002.gguf", "q/n-00001-of-00002.gguf", "q/a.gguf"]
        #expect(FileSelection.ggufParts(of: paths[1], among: paths) == Array(paths[..<2]))
        #expect(FileSelection.ggufParts(of: paths[3], among: paths) == [paths[3]])
    }

    @Test func aTokenizerComesWithoutWeights() {
        #expect(
            chosen(.tokenizer, ["tokenizer.json", "tokenizer_config.json", "model.safetensors", "config.json"])
                == ["tokenizer.json", "tokenizer_config.json", "config.json"])
    }

    @Test func aPairIsBothItsHalvesAndTheirTarget() {
        let paths = [
            "av/config.json", "av/model.safetensors", "ar/value_head.safetensors", "target/tokenizer.json",
            "notes/x.json",
        ]
        #expect(Set(chosen(.pair, paths)) == Set(paths.dropLast()))
    }
}

@Suite struct WordTests {
    @Test func bytesAreSaidInPowersOfTen() {
        let counts = [0, 1, 999, 1000, 99_949, 123_456, 999_499, 999_500, 14_200_000_000, 5_000_000_000_000_000]
        #expect(
            counts.map(HubBytes.text) == [
                "0 bytes", "1 byte", "999 bytes", "1.0 kB", "99.9 kB", "123 kB", "999 kB", "1.0 MB", "14.2 GB",
                "5000 TB",
            ])
    }

    @Test func progressSaysHowFarHowFastAndHowLong() {
        func line(_ received: Int, _ rate: Double?, _ left: Double?) -> String {
            HubProgress(bytes: 2_000_000_000, received: received, rate: rate, secondsLeft: left).line
        }
        #expect(line(0, nil, nil) == "0 bytes of 2.0 GB")
        #expect(line(500_000_000, 1e8, 15) == "500 MB of 2.0 GB, 100 MB/s, 15 s left")
        #expect(line(1, 1e8, 135) == "1 byte of 2.0 GB, 100 MB/s, 2 min 15 s left")
        #expect(line(1, 1e8, 8000) == "1 byte of 2.0 GB, 100 MB/s, 2 h 13 min left")
        #expect(line(2_000_000_000, 1e8, 0) == "2.0 GB of 2.0 GB, 100 MB/s")
    }
}
