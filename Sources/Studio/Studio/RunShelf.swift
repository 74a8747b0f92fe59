import Foundation
import HTTPTypes
import Hummingbird
import JSON
import JointTraining
import Runs

/// Training runs and reports on this machine, read as they lie. Names stand for what is found in the folders given: no path of a
/// request is ever opened.
struct RunShelf: Sendable {
    private let runFolders: [URL]
    private let reportFolders: [URL]

    /// Points of a run that are sent at once.
    private static let maximumPoints = 2000
    /// Samples, the newest.
    private static let maximumSamples = 200

    init(runs: [URL], reports: [URL]) {
        runFolders = runs
        reportFolders = reports
    }

    // MARK: What there is

    /// Run folders by name: each folder given, if it is a run, else the runs in it, down to the stages of recipes.
    private var found: [(name: String, folder: URL)] {
        var all: [(name: String, folder: URL)] = []
        for folder in runFolders {
            let top = folder.standardizedFileURL
            if RunShelf.isRun(top) { all.append((top.lastPathComponent, top)) }
            RunShelf.collect(in: top, prefix: "", depth: 2, &all)
        }
        var known: Set<String> = []
        return all.filter { known.insert($0.name).inserted }
    }

    private static func collect(in folder: URL, prefix: String, depth: Int, _ all: inout [(name: String, folder: URL)])
    {
        guard depth > 0 else { return }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names.sorted() where !name.hasPrefix(".") && name != "checkpoints" && name != "model" {
            let inner = folder.appending(path: name), full = prefix + name
            if isRun(inner) { all.append((full, inner)) }
            collect(in: inner, prefix: full + "/", depth: depth - 1, &all)
        }
    }

    /// Whether a folder is a run of one stage; a recipe's has runs in it instead.
    private static func isRun(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: "run.yaml").path)
            && FileManager.default.fileExists(atPath: folder.appending(path: "metrics.jsonl").path)
    }

    /// The folder of a run. Throws 404 if there is none.
    func folder(_ name: String) throws -> URL {
        guard let folder = found.first(where: { $0.name == name })?.folder else {
            throw ErrorReply(.notFound, "there is no run \(name.prefix(80)); its folder is given with --runs")
        }
        return folder
    }

    // MARK: Runs

    /// All runs, those that changed last first.
    func list() -> [JSONValue] {
        found.map { (json: RunShelf.head($0.name, $0.folder), date: RunShelf.updated($0.folder)) }
            .sorted { $0.date > $1.date }.map(\.json)
    }

    private static func updated(_ folder: URL) -> Date {
        let path = folder.appending(path: "metrics.jsonl").path
        return (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date ?? .distantPast
    }

    /// What is said of a run in a list.
    static func head(_ name: String, _ folder: URL) -> JSONValue {
        let settings = RunShelf.settings(folder)
        let isFinished = FileManager.default.fileExists(atPath: folder.appending(path: "model").path)
        let state = isFinished ? "finished" : isTraining(folder) ? "training" : "stopped"
        return [
            "name": .string(name), "kind": JSONValue(settings["stage"]), "step": JSONValue(lastStep(folder)),
            "steps": JSONValue(settings["steps"].flatMap { Int($0) }), "state": .string(state),
            "updated": .string(updated(folder).formatted(.iso8601)),
        ]
    }

    /// The lines of a run file, by name.
    private static func settings(_ folder: URL) -> [String: String] {
        let text = (try? String(contentsOf: folder.appending(path: "run.yaml"), encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n").compactMap { line -> (String, String)? in
            guard let colon = line.range(of: ": ") else { return nil }
            return (String(line[..<colon.lowerBound]), String(line[colon.upperBound...]))
        }
        return Dictionary(lines, uniquingKeysWith: { $1 })
    }

    /// Whether a process holds the run's lock.
    private static func isTraining(_ folder: URL) -> Bool {
        let descriptor = open(folder.appending(path: "lock").path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // A shared lock that is let go at once never keeps a process from training for longer than this.
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }

    private static func lastStep(_ folder: URL) -> Int? {
        guard let handle = try? FileHandle(forReadingFrom: folder.appending(path: "metrics.jsonl")) else { return nil }
        defer { try? handle.close() }
        let end = (try? handle.seekToEnd()) ?? 0
        try? handle.seek(toOffset: end > 65_536 ? end - 65_536 : 0)
        let lines = LineFile.lines((try? handle.readToEnd()) ?? Data())
        return lines.last { $0["step"] != nil }?["step"]?.int
    }

    /// `GET /studio/runs/NAME`
    func run(_ name: String, _ query: StudioEndpoints.Query) throws -> Response {
        let folder = try folder(name)
        let after = try query.number("after", in: -1...Int.max) ?? -1
        func lines(_ file: String) -> [JSONValue] {
            var reader = LineFile(folder.appending(path: file))
            return reader.next().filter { $0["step"]?.int ?? -1 > after }
        }
        let warnings = (try? RunHistory(folder).warningLines()) ?? []
        return Response(json: [
            "run": RunShelf.head(name, folder),
            "settings": .object(
                JSONObject(RunShelf.settings(folder).sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
            "metrics": .array(RunShelf.thinned(lines("metrics.jsonl"))),
            "samples": .array(lines("samples.jsonl").suffix(RunShelf.maximumSamples)),
            "warnings": .array(warnings.map { .string($0) }),
        ])
    }

    /// At most so many lines, evenly; lines of evaluations stay as long as there is room for them.
    private static func thinned(_ lines: [JSONValue]) -> [JSONValue] {
        guard lines.count > maximumPoints else { return lines }
        let rare = lines.indices.filter { lines[$0]["fve"] != nil || lines[$0]["held_out_loss"] != nil }
        let kept = Set(rare.count <= maximumPoints / 2 ? rare : [])
        let rest = lines.indices.filter { !kept.contains($0) }, room = maximumPoints - kept.count
        let chosen = kept.union((0..<room).map { rest[$0 * (rest.count - 1) / max(1, room - 1)] })
        return chosen.sorted().map { lines[$0] }
    }

    // MARK: Reports

    /// `GET /studio/runs/NAME/report.html`: the report that the run wrote, or one of what there is by now.
    func runReport(_ name: String) throws -> Response {
        let folder = try folder(name)
        if let html = try? Data(contentsOf: folder.appending(path: RunReport.fileName)) {
            return PageFiles.report(html)
        }
        do { return PageFiles.report(Data(try RunReport(folder).html.utf8)) } catch {
            throw ErrorReply(.notFound, "\(error)")
        }
    }

    /// HTML files in the folders of reports, by name.
    private var reports: [(name: String, file: URL)] {
        reportFolders.flatMap { folder in
            ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
                .filter { $0.lowercased().hasSuffix(".html") && !$0.hasPrefix(".") }
                .map { (String($0.dropLast(5)), folder.appending(path: $0)) }
        }
    }

    /// The names of all reports.
    func reportNames() -> [JSONValue] { reports.map { .string($0.name) } }

    /// `GET /studio/reports/NAME`
    func report(_ name: String) throws -> Response {
        guard let file = reports.first(where: { $0.name == name })?.file, let html = try? Data(contentsOf: file) else {
            throw ErrorReply(.notFound, "there is no report \(name.prefix(80)); its folder is given with --reports")
        }
        return PageFiles.report(html)
    }
}

/// A file of JSON lines that may be growing.
struct LineFile {
    private let url: URL
    private var offset: UInt64 = 0

    /// Reads from its beginning, or from where it ends now.
    init(_ url: URL, fromEnd isAtEnd: Bool = false) {
        self.url = url
        if isAtEnd, let handle = try? FileHandle(forReadingFrom: url) {
            // A line that is being written is heard of when it is whole.
            let data = (try? handle.readToEnd()) ?? Data()
            offset = UInt64(data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
            try? handle.close()
        }
    }

    /// The lines that have become whole since the last call.
    mutating func next() -> [JSONValue] {
        guard let handle = try? FileHandle(forReadingFrom: url) else { return [] }
        defer { try? handle.close() }
        let end = (try? handle.seekToEnd()) ?? 0
        // A run that is resumed goes back to its last checkpoint.
        if end < offset { offset = 0 }
        guard end > offset, (try? handle.seek(toOffset: offset)) != nil, let data = try? handle.readToEnd(),
            let last = data.lastIndex(of: UInt8(ascii: "\n"))
        else { return [] }
        let whole = data[...last]
        offset += UInt64(whole.count)
        return LineFile.lines(whole)
    }

    static func lines(_ data: Data) -> [JSONValue] {
        data.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONValue.parse(Array($0)).finite }
    }
}

extension StudioEndpoints {
    /// How often a run is looked at.
    private static let interval = Duration.milliseconds(500)

    /// `GET /studio/runs/NAME/events`: new lines as they come, until the run no longer trains or the client has gone.
    func events(_ name: String, _ query: Query, _ context: StudioContext) throws -> Response {
        let folder = try runs.folder(name)
        let after = try query.number("after", in: -1...Int.max)
        let exchange = Exchange(context, timeLimit: .seconds(86_400), pass: try watchers.enter())
        return EventStream.response(exchange) { events in
            var metrics = LineFile(folder.appending(path: "metrics.jsonl"), fromEnd: after == nil)
            var samples = LineFile(folder.appending(path: "samples.jsonl"), fromEnd: after == nil)
            var shown = JSONValue.null, quiet = 0
            while exchange.ticket.loss(at: .now) == nil {
                func isNew(_ line: JSONValue) -> Bool { line["step"]?.int ?? -1 > after ?? -1 }
                var frames = metrics.next().filter(isNew).map { JSONValue.object(JSONObject([("metrics", $0)])) }
                frames += samples.next().filter(isNew).map { JSONValue.object(JSONObject([("sample", $0)])) }
                let head = RunShelf.head(name, folder)
                if head != shown || quiet > 20 { frames.append(.object(JSONObject([("run", head)]))) }
                shown = head
                quiet = frames.isEmpty ? quiet + 1 : 0
                try await events.send(frames)
                guard head["state"]?.string == "training" else { break }
                try await Task.sleep(for: StudioEndpoints.interval)
            }
            try await events.sendDone()
        }
    }
}

extension JSONValue {
    /// The same with null for NaN and the infinities, which browsers do not read as JSON.
    fileprivate var finite: JSONValue {
        switch self {
        case .number(let number): number.isFinite ? self : .null
        case .array(let values): .array(values.map(\.finite))
        case .object(let object): .object(JSONObject(object.map { ($0, $1.finite) }))
        default: self
        }
    }
}
