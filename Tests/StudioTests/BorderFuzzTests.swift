import Foundation
import GRDB
import JSON
import LanguageModel
import Logging
import Runs
import Studio
import Tensors
import TestSupport
import Testing

/// Requests and files from outside, by the thousand, against a server without sockets; and a look into its library after each
/// thousand. CONTRIBUTING.md says how to run more.
@Suite("Fuzzing the border", .serialized)
struct BorderFuzzTests {
    private static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }

    /// Inputs; `INTERLINEAR_FUZZ` asks for more.
    private let count = setting("INTERLINEAR_FUZZ") ?? 2000
    private let seed = UInt64(setting("INTERLINEAR_FUZZ_SEED") ?? 1)
    /// The thousand to begin with.
    private let first = setting("INTERLINEAR_FUZZ_FIRST") ?? 0
    /// A file that holds the input that is being answered, for whoever wonders which ended the process.
    private let trace = ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_TRACE"].map { URL(fileURLWithPath: $0) }

    /// What came of the inputs.
    private struct Tally {
        var statuses: [Int: Int] = [:]
        /// Inputs that HTTP cannot carry.
        var uncarried = 0
        var edits = 0
        var inspected = (readings: 0, explanations: 0, notes: 0)
    }

    @Test("Whatever comes in is answered with a reason, and the library holds nothing that cannot be")
    func fuzz() async throws {
        let models = try Bundled.models()
        var tally = Tally()
        for piece in first..<first + (count + 999) / 1000 {
            let numbers = 1000 * piece..<min(1000 * (piece + 1), 1000 * first + count)
            let folder = try BorderFuzzTests.scratch(isLong: count > 10_000)
            defer { try? FileManager.default.removeItem(at: folder) }
            try await run(numbers, in: folder, isEdited: piece % 4 == 1, models, &tally)
            try #require(tally.statuses[-1, default: 0] < 20, "too many faults to go on")
        }
        let statuses = tally.statuses.sorted { $0.key < $1.key }.map { "\($0.key) × \($0.value)" }.joined(
            separator: ", ")
        let seen = tally.inspected
        print(
            "fuzzing the border: \(count) inputs of seed \(seed) from \(1000 * first), \(tally.uncarried) not to be carried, \(tally.edits) changes of the file: \(statuses); inspected \(seen.readings) readings, \(seen.explanations) explanations, \(seen.notes) notes"
        )
        for status in [200, 201, 204, 404, 422] {
            #expect(tally.statuses[status, default: 0] > 0, "no \(status)")
        }
        #expect(seen.readings > 0 && seen.explanations > 0 && seen.notes > 0)
    }

    /// A folder of its own; in memory where many are needed, since the library waits for the disk.
    private static func scratch(isLong: Bool) throws -> URL {
        let memory = URL(fileURLWithPath: "/dev/shm")
        let place =
            isLong && FileManager.default.isWritableFile(atPath: memory.path)
            ? memory : FileManager.default.temporaryDirectory
        let folder = place.appending(path: "nla-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private func server(_ library: URL, _ folder: URL, _ models: ServedModels) throws -> StudioServer {
        var settings = StudioSettings()
        settings.seed = 7
        settings.page = .init(library: library)
        settings.page?.runs = [folder.appending(path: "runs")]
        settings.page?.reports = [folder.appending(path: "reports")]
        settings.maximumNewTokens = 6
        settings.maximumPositions = 8
        settings.maximumCompletionTokens = 4
        settings.maximumDescribeBatch = 4
        settings.maximumInputTokens = 2048
        settings.maximumBodyBytes = 24 << 20
        return try StudioServer(models, settings, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    }

    // MARK: A thousand inputs

    private func run(
        _ numbers: Range<Int>, in folder: URL, isEdited: Bool, _ models: ServedModels, _ tally: inout Tally
    ) async throws {
        let library = folder.appending(path: "library.sqlite")
        try BorderFuzzTests.writeRuns(folder, seed: seed, numbers.lowerBound)
        let server = try server(library, folder, models)
        var known = KnownThings()
        for number in numbers {
            // Other tests share the threads.
            await Task.yield()
            var fuzzer = BorderFuzzer(seed: seed, number: number, known)
            let request = fuzzer.request()
            if let trace { try Data("input \(number) of seed \(seed)\n\(request.summary)\n".utf8).write(to: trace) }
            do {
                guard
                    let answer = try await server.answer(
                        request.method, request.target, headers: request.headers, body: request.body)
                else {
                    tally.uncarried += 1
                    continue
                }
                tally.statuses[answer.status, default: 0] += 1
                if let fault = try fault(answer, isEdited: isEdited) {
                    tally.statuses[-1, default: 0] += 1
                    Issue.record("input \(number) of seed \(seed): \(fault)\n\(request.summary)")
                }
                try note(answer, request, &known)
            } catch {
                tally.statuses[-1, default: 0] += 1
                Issue.record("input \(number) of seed \(seed): \(error)\n\(request.summary)")
            }
            if isEdited, number % 20 == 19 {
                try BorderFuzzTests.edit(library, seed: seed, number)
                tally.edits += 1
            }
        }
        server.close()
        try await inspect(library, folder, models, isEdited: isEdited, "inputs \(numbers) of seed \(seed)", &tally)
    }

    /// What is wrong with an answer; nil if nothing.
    private func fault(_ answer: StudioServer.LocalAnswer, isEdited: Bool) throws -> String? {
        let text = String(decoding: answer.body.prefix(400), as: UTF8.self)
        let type = answer.headers["content-type"] ?? ""
        if answer.status >= 500, ![503, 507].contains(answer.status) {
            let reasons = ["the model computed NaN"] + (isEdited ? ["of the library", "the library failed"] : [])
            guard reasons.contains(where: text.contains) else { return "\(answer.status) \(text)" }
        }
        if type.hasPrefix("application/json") {
            guard let json = try? JSONValue.parse(answer.body) else { return "\(answer.status), no JSON: \(text)" }
            if answer.status >= 400, json["detail"] == nil, json["error"]?["message"]?.string == nil {
                return "\(answer.status), no reason: \(text)"
            }
            if json.holdsWhatIsNoJSON { return "\(answer.status), numbers that are no JSON: \(text)" }
        } else if answer.status >= 400 {
            return "\(answer.status), no reason"
        }
        if type.hasPrefix("text/event-stream") {
            let frames = String(decoding: answer.body, as: UTF8.self)
            if frames.contains("its log says more") || !isEdited && frames.contains("the library failed") {
                return "a frame: \(frames.suffix(300))"
            }
        }
        return nil
    }

    private func note(_ answer: StudioServer.LocalAnswer, _ request: HostileRequest, _ known: inout KnownThings) throws
    {
        guard [200, 201].contains(answer.status), request.method != "GET" else { return }
        guard let json = try? JSONValue.parse(answer.body) else {
            // What was explained is told as it is stored.
            for line in String(decoding: answer.body, as: UTF8.self).components(separatedBy: "\n\n") {
                if let id = (try? JSONValue.parse(String(line.dropFirst(6))))?["id"]?.string {
                    known.add(explanation: id)
                }
            }
            return
        }
        if request.target.hasPrefix("/studio/import") {
            known.add(readings: json["readings"]?.array?.compactMap(\.string) ?? [])
        }
        guard answer.status == 201, let id = json["id"]?.string else { return }
        if request.target == "/studio/readings" { known.add(readings: [id]) } else { known.add(note: id) }
    }

    /// A run and a report with anything in them.
    private static func writeRuns(_ folder: URL, seed: UInt64, _ number: Int) throws {
        var random = Random(seed: seed, 1, UInt64(number))
        let run = folder.appending(path: "runs/run"), reports = folder.appending(path: "reports")
        for folder in [run, reports] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        func write(_ text: [UInt8], _ name: URL) throws { try Data(text).write(to: name) }
        let stages = [
            "stage: target\nsteps: 10\n", "stage: joint\nsteps: 9223372036854775808\nseed: 1\n", "stage: \n", "x", "",
        ]
        let stage = Array((stages.randomElement(using: &random) ?? "").utf8)
        try write(random.uniform() < 0.3 ? Hostile.changed(stage, &random) : stage, run.appending(path: "run.yaml"))
        func lines(_ base: JSONValue) -> [UInt8] {
            Array(
                (0..<Int.random(in: 1...40, using: &random)).map { _ -> [UInt8] in
                    let bytes = Hostile.text(Hostile.changed(base, &random))
                    return random.uniform() < 0.1 ? Hostile.changed(bytes, &random) : bytes
                }.joined(separator: [0x0A])) + [0x0A]
        }
        try write(
            lines([
                "step": 1, "loss": 0.5, "seconds": 2, "fve": 0.5, "held_out_loss": 1, "completion_tokens": 30,
                "entropy": 1, "precision": 0.5,
            ]),
            run.appending(path: "metrics.jsonl"))
        try write(
            lines([
                "step": 1, "id": "a", "text": "t", "explanation": "e", "mse": 0.5, "complete": true,
                "claims": [["text": "c", "true": false]],
            ]),
            run.appending(path: "samples.jsonl"))
        try write(Array("<p>report</p>".utf8), reports.appending(path: "report.html"))
    }

    // MARK: By hand

    private static let columns = [
        "reading": ["created", "title", "pair", "layer", "text", "messages", "tokens", "truth"],
        "explanation": [
            "created", "pair", "position", "token", "sample", "text", "description", "complete", "mse", "cosine",
            "explained", "norm",
            "temperature", "seed", "agreement", "origin", "claims", "activation",
        ],
        "note": ["created", "position", "text", "highlighted"],
    ]
    private static let literals = [
        "NULL", "0", "-1", "7", "3000000000", "9223372036854775807", "1e300", "-1e300", "9e999", "''", "'x'", "x''",
        "x'00FF80'", "x'0000807F'",
        "zeroblob(1024)", "'a' || char(0) || 'b'", "'[]'", "'{}'", "'[{}]'", "'[null]'", "'['",
        "'[{\"token\":\"a\",\"token_id\":3000000000}]'",
        "'[{\"token\":\"a\",\"position\":9}]'", "'[{\"sentence\":\"w\",\"confidence\":1e300}]'",
        "'[{\"sentence\":\"w\",\"fact\":[],\"truth\":7}]'",
        "'{\"text\":\"a b\",\"facts\":[{\"subject\":\"s\",\"relation\":\"r\",\"value\":\"v\",\"from\":99999}]}'",
    ]

    /// Changes a row as nobody should.
    private static func edit(_ library: URL, seed: UInt64, _ number: Int) throws {
        var random = Random(seed: seed, 2, UInt64(number))
        let table = columns.keys.sorted().randomElement(using: &random) ?? "note"
        let column = columns[table]?.randomElement(using: &random) ?? "id",
            value = literals.randomElement(using: &random) ?? "0"
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: library.path, configuration: configuration)
        let place = Int.random(in: 0..<20, using: &random)
        try queue.write { database in
            try database.execute(
                sql:
                    "UPDATE OR IGNORE \(table) SET \(column) = \(value) WHERE id = (SELECT id FROM \(table) ORDER BY id DESC LIMIT 1 OFFSET \(place))"
            )
        }
        try queue.close()
    }

    // MARK: Inspection

    /// Opens the library again and looks at everything in it; takes it out and puts it into another one, where it is the same.
    private func inspect(
        _ library: URL, _ folder: URL, _ models: ServedModels, isEdited: Bool, _ what: String, _ tally: inout Tally
    ) async throws {
        let queue = try DatabaseQueue(path: library.path)
        let (found, rows) = try await queue.write { database in
            for words in ["explanationWords", "readingWords", "noteWords"] where !isEdited {
                try database.execute(sql: "INSERT INTO \(words)(\(words), rank) VALUES ('integrity-check', 1)")
            }
            let found =
                try String.fetchAll(database, sql: "PRAGMA integrity_check")
                + Row.fetchAll(database, sql: "PRAGMA foreign_key_check").map(\.description)
            let rows = try ["reading", "explanation", "note"].map {
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM \($0)") ?? 0
            }
            return (found, rows)
        }
        try queue.close()
        #expect(found == ["ok"] || isEdited, "\(what): \(found.prefix(5))")
        tally.inspected = (
            tally.inspected.readings + rows[0], tally.inspected.explanations + rows[1], tally.inspected.notes + rows[2]
        )
        let server = try server(library, folder, models)
        defer { server.close() }
        func ask(_ method: String, _ target: String, _ body: JSONValue? = nil) async throws -> StudioServer.LocalAnswer
        {
            try #require(
                try await server.answer(method, target, headers: [], body: body.map { Array($0.serialized().utf8) }))
        }
        var ids: [String] = [], next: String? = ""
        while let before = next {
            let page = try JSONValue.parse(await ask("GET", "/studio/library/readings?limit=200&before=\(before)").body)
            ids += page["readings"]?.array?.compactMap { $0["id"]?.string } ?? []
            next = page["next"]?.string
        }
        #expect(
            ids.count == rows[0] || isEdited && ids.count < rows[0],
            "\(what): \(ids.count) of \(rows[0]) readings in the list")
        var counts = [0, 0]
        for id in ids {
            let answer = try await ask("GET", "/studio/readings/\(id)"), json = try JSONValue.parse(answer.body)
            counts[0] += json["explanations"]?.array?.count ?? 0
            counts[1] += json["notes"]?.array?.count ?? 0
            let page = try await ask("GET", "/studio/readings/\(id)/export.html")
            let norms = try await ask("POST", "/studio/readings/\(id)/norms", [:])
            for answer in [answer, page, norms] {
                if let fault = try fault(answer, isEdited: isEdited) {
                    Issue.record("\(what), reading \(id): \(fault)")
                }
            }
            guard !isEdited else { continue }
            #expect(
                answer.status == 200 && json["damaged"]?.int == 0 && page.status == 200,
                "\(what), reading \(id): \(answer.status) \(page.status)")
            #expect([200, 409, 422].contains(norms.status), "\(what), reading \(id): norms \(norms.status)")
        }
        #expect(isEdited || counts == Array(rows[1...]), "\(what): \(counts) of \(rows[1...]) explanations and notes")
        let export = try await ask("GET", "/studio/export")
        #expect(export.status == 200, "\(what)")
        guard !isEdited, !ids.isEmpty else { return }
        let lines = try BorderFuzzTests.canonical(export.body)
        #expect(lines.count == rows.reduce(0, +), "\(what): \(lines.count) lines of an export of \(rows)")
        let other = try self.server(folder.appending(path: "other.sqlite"), folder, models)
        defer { other.close() }
        let back = try #require(try await other.answer("POST", "/studio/import", headers: [], body: export.body))
        #expect(back.status == 200, "\(what): \(String(decoding: back.body.prefix(500), as: UTF8.self))")
        let again = try #require(try await other.answer("GET", "/studio/export", headers: [], body: nil))
        let same = try BorderFuzzTests.canonical(again.body)
        #expect(same.count == lines.count, "\(what)")
        for (one, other) in zip(lines, same) where one != other {
            Issue.record("\(what): \(one.serialized().prefix(600)) came back as \(other.serialized().prefix(600))")
            break
        }
    }

    /// The lines of an export without numbers that another library gives anew.
    private static func canonical(_ export: [UInt8]) throws -> [JSONValue] {
        try export.split(separator: 0x0A).map { line in
            var object = try #require(try JSONValue.parse(Array(line)).object)
            #expect(!JSONValue.object(object).holdsWhatIsNoJSON)
            object["id"] = nil
            object["reading"] = nil
            return .object(object)
        }
    }
}

extension JSONValue {
    /// Whether NaN or an infinity is in it: `JSONValue` reads and writes them, browsers do not.
    fileprivate var holdsWhatIsNoJSON: Bool {
        switch self {
        case .number(let number): !number.isFinite
        case .array(let list): list.contains(where: \.holdsWhatIsNoJSON)
        case .object(let object): object.values.contains(where: \.holdsWhatIsNoJSON)
        default: false
        }
    }
}
