import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import JointTraining
import LanguageModel
import ReadableTargets
import Runs
import TargetTraining
import Teaching
import Tensors
import TestSupport
import Testing
import TinyWorldTraining
import WarmStart

/// Every file that training reads may come from somebody else, or have been cut off: it is read, or refused in one line. Nothing that
/// stands in it ends the process. `INTERLINEAR_FUZZ_FILES` asks for more cases of each kind.
@Suite("Damaged files of training", .serialized)
struct DamagedFileTests {
    private func check(_ survival: Survival, _ what: String) {
        #expect(survival.faults.isEmpty, "\(what): \(survival.faults.prefix(3))")
        #expect(survival.read > 0 && survival.refused > 0, "\(what): \(survival)")
        if ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_FILES"] != nil { print("\(what): \(survival)") }
    }

    // MARK: Stores

    /// Uses everything that a store tells of itself.
    private func use(_ store: ActivationStore) throws {
        for split in store.splits + ["nothing"] {
            guard let rows = try? store.rows(ofSplit: split) else { continue }
            _ = try? store.rawVariance(ofSplit: split)
            _ = store.partners(of: rows)
        }
        _ = store.rows(.init(place: .moment, momentKinds: ["mood"]))
        for row in 0..<store.rowCount {
            let document = store.document(of: row), end = store.row(row).byteEnd
            _ = (document.truths(at: end), store.moment(of: row), store.textSoFar(row), store.id(of: row))
            #expect(store.vectors([row]).shape == [1, store.hiddenSize])
        }
        _ = try store.check(layer: 1, of: "a pair")
    }

    @Test("Stores: manifests, documents and rows")
    func stores() throws {
        try withScratch { folder in
            let policy = PositionPolicy(perDocument: 2, includeMoments: true, firstPosition: 1)
            try Small.builder(policy, shard: 100).build(Small.stored(4), into: folder)
            let place = folder.appending(path: "manifest.json"), lines = folder.appending(path: "shard-00000.jsonl")
            let shard = folder.appending(path: "shard-00000.safetensors")
            let manifest = try JSONValue.parse(Data(contentsOf: place))
            let documents = try String(contentsOf: lines, encoding: .utf8).split(separator: "\n").map {
                try JSONValue.parse(String($0))
            }
            let file = try SafetensorsFile(shard)
            let tensors = try file.names.map { (name: $0, tensor: try file.requiredTensor($0).copy()) }
            /// The manifest, true to the length of the files.
            func rewrite(_ json: JSONValue) throws {
                var json = json
                if var object = json.object, let first = object["shards"]?[0]?.object {
                    var entry = first
                    for (key, url) in [("tensors", shard), ("lines", lines)] {
                        guard var known = entry[key]?.object else { continue }
                        known["bytes"] = .integer(try Data(contentsOf: url).count)
                        known["sha256"] = .string(try ContentHash.file(url))
                        entry[key] = .object(known)
                    }
                    object["shards"] = .array([.object(entry)])
                    json = .object(object)
                }
                try Data(json.serialized().utf8).write(to: place)
            }
            var survivals = (Survival(), Survival(), Survival(), Survival())
            for number in 0..<Damage.cases(400) {
                var damage = Damage(seed: 1, number)
                try damage.document(manifest).write(to: place)
                survivals.0.of(number) { try use(ActivationStore(folder: folder, verifying: false)) }
            }
            check(survivals.0, "manifests")
            for number in 0..<Damage.cases(400) {
                var damage = Damage(seed: 2, number)
                try damage.lines(documents).write(to: lines)
                try rewrite(manifest)
                survivals.1.of(number) {
                    try use(ActivationStore(folder: folder))
                    _ = try ActivationStoreWriter(folder: folder, StoreManifest(folder: folder).settings)
                }
            }
            check(survivals.1, "documents of stores")
            try Data((documents.map { $0.serialized() }.joined(separator: "\n") + "\n").utf8).write(to: lines)
            for number in 0..<Damage.cases(400) {
                var damage = Damage(seed: 3, number)
                let changed = tensors.map { name, tensor -> (name: String, tensor: Tensor) in
                    guard Int.random(in: 0..<3, using: &damage.random) == 0 else { return (name, tensor) }
                    if tensor.elementType.isFloatingPoint {
                        return Bool.random(using: &damage.random)
                            ? (name, tensor.converted(to: .float16))
                            : (name, tensor.reshaped([tensor.width, tensor.rows]))
                    }
                    let values = tensor.integers().map { value in
                        [value, value + 1, -1, -2, .max, .min, 3_000_000_000].randomElement(using: &damage.random) ?? 0
                    }
                    let kept = values.prefix(
                        Int.random(in: max(0, values.count - 1)...values.count, using: &damage.random))
                    return (name, Tensor(integers: Array(kept), shape: [kept.count]))
                }
                try SafetensorsFile.write(changed, to: shard)
                try rewrite(manifest)
                survivals.2.of(number) { try use(ActivationStore(folder: folder, verifying: false)) }
            }
            check(survivals.2, "rows of stores")
            try SafetensorsFile.write(tensors, to: shard)
            let files = [shard, folder.appending(path: Sidecar.fileName)]
            let contents = try files.map { [UInt8](try Data(contentsOf: $0)) }
            for number in 0..<Damage.cases(400) {
                var random = Random(seed: 1, 21, UInt64(number))
                let which = number % files.count
                try Data(Hostile.changed(contents[which], &random)).write(to: files[which])
                try rewrite(manifest)
                survivals.3.of(number) {
                    let store = try ActivationStore(folder: folder, verifying: false)
                    for row in 0..<store.rowCount {
                        _ = (
                            store.row(row), store.document(of: row), store.split(of: row), store.moment(of: row),
                            store.textSoFar(row)
                        )
                    }
                    if store.rowCount > 0 { _ = store.vectors([0, store.rowCount - 1]) }
                }
                try Data(contents[which]).write(to: files[which])
            }
            check(survivals.3, "bytes of stores")
        }
    }

    // MARK: Runs

    @Test("Run folders: metrics, samples and options as a report reads them")
    func reports() throws {
        try withScratch { folder in
            let steps = (0..<30).map { step -> JSONValue in
                let number = Double(step)
                var line = JSONObject([("step", .integer(step)), ("seconds", .number(1.5))])
                for (name, value) in [
                    ("loss", 3 - number / 20), ("kl", 0.01), ("entropy", 1 - number / 40),
                    ("completion_tokens", 20 + number), ("repetition", 0.1), ("marker_script_share", 0.02),
                    ("extraction_rate", 0.9), ("truncated_share", 0.05),
                ] { line[name] = .number(value) }
                guard step.isMultiple(of: 5) else { return .object(line) }
                for (name, value) in [("fve", number / 100), ("precision", 0.5), ("held_out_loss", 2.5)] {
                    line[name] = .number(value)
                }
                return .object(line)
            }
            let samples = (0..<4).map { index -> JSONValue in
                [
                    "step": .integer(index / 2 * 10), "id": .string("d\(index % 2)"), "text": "text",
                    "explanation": "words",
                    "complete": true, "mse": 0.5, "claims": [["text": "a claim", "true": false, "standing": .null]],
                ]
            }
            var survival = Survival()
            for number in 0..<Damage.cases(500) {
                var damage = Damage(seed: 4, number)
                try damage.lines(steps).write(to: folder.appending(path: "metrics.jsonl"))
                try damage.lines(samples).write(to: folder.appending(path: "samples.jsonl"))
                let options = JointOptions().runFile()
                let text = Int.random(in: 0..<4, using: &damage.random) == 0 ? damage.settings(options) : options
                try Data(text.utf8).write(to: folder.appending(path: "run.yaml"))
                survival.of(number) {
                    #expect(try RunReport(folder).html.hasSuffix("</html>\n"))
                    _ = try RunHistory(folder).warningLines()
                }
            }
            check(survival, "reports of runs")
        }
    }

    @Test("Run folders: what a run is resumed from")
    func resuming() throws {
        try withScratch { scratch in
            let pull = LoopTests.Pull(), source = scratch.appending(path: "source")
            _ = try pull.step(0)
            try TrainingCheckpoint.write(step: 1, score: 0.5, pull.groups, to: source)
            let state = try JSONValue.parse(Data(contentsOf: source.appending(path: "state.json")))
            let weights = try Data(contentsOf: source.appending(path: "state.safetensors"))
            let steps = (1...3).map { ["step": .integer($0), "loss": 0.5] as JSONValue }
            let inputs: JSONValue = ["store": "abc", "pair": "def"]
            var survival = Survival()
            for number in 0..<Damage.cases(100) {
                var damage = Damage(seed: 5, number)
                let folder = scratch.appending(path: "run")
                try? FileManager.default.removeItem(at: folder)
                let checkpoint = folder.appending(path: "checkpoints/step-000001")
                try FileManager.default.createDirectory(at: checkpoint, withIntermediateDirectories: true)
                try (number % 4 == 0 ? Data(state.serialized().utf8) : damage.document(state)).write(
                    to: checkpoint.appending(path: "state.json"))
                try (number % 4 == 1 ? damage.bytes(weights) : weights).write(
                    to: checkpoint.appending(path: "state.safetensors"))
                try damage.lines(steps).write(to: folder.appending(path: "metrics.jsonl"))
                if number % 3 == 0 { try damage.document(inputs).write(to: folder.appending(path: "inputs.json")) }
                try Data(TargetOptions().runFile().utf8).write(to: folder.appending(path: "run.yaml"))
                survival.of(number) {
                    let run = try RunFolder(folder, TargetOptions()), other = LoopTests.Pull()
                    _ = try TrainingLoop(other, in: run, .init(steps: 3, evaluateEvery: 2)).run()
                }
            }
            check(survival, "runs to be resumed")
        }
    }

    @Test("Run files of every kind")
    func runFiles() throws {
        var survival = Survival()
        func fuzz<Options: RunOptions>(_ type: Options.Type, _ seed: UInt64) {
            let text = Options().runFile()
            for number in 0..<Damage.cases(300) {
                var damage = Damage(seed: seed, number), options = Options()
                let changed = damage.settings(text)
                survival.of(number) {
                    try options.read(runFile: changed, source: "run.yaml")
                    try options.check()
                    var again = Options()
                    try again.read(runFile: options.runFile(), source: "again")
                    #expect(options.differences(to: again).isEmpty)
                }
            }
        }
        fuzz(TargetOptions.self, 6)
        fuzz(JointOptions.self, 7)
        fuzz(PairOptions.self, 8)
        fuzz(ReadableOptions.self, 9)
        fuzz(WarmStartOptions<VerbalizerStage>.self, 10)
        fuzz(WarmStartOptions<ReconstructorStage>.self, 11)
        check(survival, "run files")
        for text in [
            String(repeating: "[", count: 200_000), String(repeating: "- ", count: 200_000) + "a",
            String(repeating: "{a: ", count: 200_000), String(repeating: "? ", count: 200_000),
        ] {
            var options = TargetOptions()
            let error = #expect(throws: TrainingError.self) { try options.read(runFile: text, source: "deep.yaml") }
            #expect(error?.description == "deep.yaml: line 1: too many levels")
        }
    }

    // MARK: Probes

    @Test("Probes")
    func probes() throws {
        try withScratch { folder in
            let width = 4, features = (width + 16) / 16 * 16
            let description: JSONValue = [
                "format": "interlinear-probes", "version": 1, "d_model": .integer(width), "layer_index": 1,
                "target_sha256": "t", "word_places": 1, "fitted_splits": ["av"],
                "probes": [
                    ["subject": "the hat", "relation": "colour", "values": ["red", "blue"]],
                    ["subject": "the text", "relation": "last word", "values": ["a", "b", "c"]],
                ],
            ]
            func tensor(_ count: Int, _ shape: [Int]) -> Tensor {
                Tensor((0..<count).map { Float($0 % 5) - 2 }, shape: shape)
            }
            let tensors = [
                ("mean", tensor(width, [width])), ("inverse_deviation", tensor(width, [width])),
                ("probe.0", tensor(2 * features, [2, features])), ("probe.1", tensor(3 * features, [3, features])),
            ]
            var survival = Survival()
            for number in 0..<Damage.cases(500) {
                var damage = Damage(seed: 12, number)
                let changed = tensors.map { name, tensor -> (name: String, tensor: Tensor) in
                    var values = tensor.floats()
                    if number % 5 == 0,
                        let bad = [Float.nan, .infinity, 3e38, -3e38].randomElement(using: &damage.random)
                    {
                        values[Int.random(in: values.indices, using: &damage.random)] = bad
                    }
                    return (name, Tensor(values, shape: tensor.shape))
                }
                try SafetensorsFile.write(changed, to: folder.appending(path: "probes.safetensors"))
                try (number % 5 == 0 ? Data(description.serialized().utf8) : damage.document(description)).write(
                    to: folder.appending(path: "probes.json"))
                survival.of(number) {
                    let probes = try ProbeSet(folder: folder)
                    let reading = probes.read(tensor(3 * probes.hiddenSize, [3, probes.hiddenSize]))
                    for row in 0..<3 {
                        for probe in probes.probes {
                            _ = reading.best(probe.question, row: row)
                            _ = reading.probability(
                                of: Fact(probe.question.subject, probe.question.relation, probe.values[0]), row: row)
                        }
                        _ = reading.probability(
                            of: Fact(endingQuestion.subject, endingQuestion.relation, "b a"), row: row)
                    }
                }
            }
            check(survival, "probes")
        }
    }

    // MARK: Documents and teachers

    @Test("A labelled document that is read has its truth in the text, and comes again from its own JSON")
    func documents() throws {
        let fact: JSONValue = ["subject": "s", "relation": "r", "value": "v", "from": 1, "until": 3, "stated_from": 2]
        let json: JSONValue = [
            "id": "a", "kind": "story", "text": "abcdé", "facts": [fact, fact],
            "moments": [["offset": 2, "kind": "k", "subject": "s", "relation": "r", "answer": " x"]],
        ]
        var survival = Survival()
        for number in 0..<Damage.cases(1500) {
            var random = Random(seed: 1, 13, UInt64(number))
            let bytes = Hostile.text(Hostile.changed(json, times: 1 + number % 3, &random))
            survival.of(number) {
                let document = try LabelledDocument(json: JSONValue.parse(bytes), fallbackID: "x")
                for length in [0, 1, document.text.utf8.count, Int.max] {
                    for (fact, _) in document.truths(at: length) { _ = document.isTrue(fact, at: length) }
                }
                let back = try LabelledDocument(json: document.json, fallbackID: "y")
                #expect(back == document, "document \(number)")
            }
        }
        check(survival, "labelled documents")
    }

    @Test("Documents, and what teachers are asked and answer")
    func teachers() async throws {
        let scratch = try Scratch(), folder = scratch.url
        let documents = Small.documents(4).map(\.json)
        let lines = (0..<4).map { index -> JSONValue in
            index % 2 == 0
                ? ["id": .string("d\(index)"), "text": "some text", "explanation": "words"]
                : [
                    "document": .string("d\(index)"), "position": .integer(index), "text": "more",
                    "explanation": "a word",
                ]
        }
        let entries: [JSONValue] =
            [["format": "teacher journal 1"]]
            + (0..<3).map { ["key": .string("k\($0)"), "id": "i", "explanation": "e"] }
        var survival = Survival()
        let file = folder.appending(path: "lines.jsonl")
        for number in 0..<Damage.cases(500) {
            var damage = Damage(seed: 13, number)
            try damage.lines(documents).write(to: file)
            survival.of(number) {
                for document in try DocumentLines.documents(file) {
                    for length in [0, document.text.utf8.count] { _ = document.truths(at: length) }
                }
                let (training, heldOut) = try DocumentList(jsonLines: file).split(share: 0.5, seed: 1)
                #expect((training.count ?? 0) > 0 && (heldOut.count ?? 0) > 0)
            }
            try damage.lines(lines).write(to: file)
            survival.of(number) {
                _ = try TeacherRequest.read(file)
                _ = try JSONLTeacher(file)["d0"]
            }
            try damage.lines(entries).write(to: file)
            survival.of(number) { _ = try TeacherJournal(file) }
        }
        check(survival, "documents and answers")
    }
}
