import Foundation
import JSON

/// Models, pairs, adapters and data sets by name, through the cache that all programs of the ecosystem share.
///
///     let hub = try Hub()
///     let snapshot = try await hub.resolve(HubReference("org/name"), files: .model)
///     let weights = snapshot.folder.appending(path: "model.safetensors")
///
/// What is in the cache is taken from there, without a question to anybody. What is missing is fetched.
public struct Hub: Sendable {
    /// Where things are, and how they are fetched.
    public var settings: HubSettings

    /// A hub with these settings.
    public init(_ settings: HubSettings) { self.settings = settings }

    /// The hub and the cache that the environment names. Throws ``HubError`` where it names none.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        settings = try HubSettings(environment: environment)
    }

    /// Whether a revision that the cache knows is good enough.
    public enum Freshness: Sendable {
        /// It is, if all wanted files are here: nothing changes until somebody asks for it.
        case cached
        /// It is not: the hub is asked what the revision is now.
        case latest
    }

    /// A folder of wanted files.
    public struct Snapshot: Sendable {
        /// The folder with the files, or the path inside the repository that was named; read-only.
        public let folder: URL
        /// The commit.
        public let commit: String
        /// Paths of the wanted files, from the repository's top folder, in order.
        public let files: [String]
        /// Bytes that came over the line for it.
        public let fetchedBytes: Int
        /// The files that ``FileSelection/records`` or ``FileSelection/vectors`` chose, in the order in which they are read, without their
        /// sidecars; none for other selections.
        public let records: [URL]
    }

    /// The folder with the wanted files of a repository; what is missing of them is fetched.
    ///
    /// - Parameters:
    ///   - reference: the repository; with a path, that file or what is below that folder, and `files` chooses among paths from there.
    ///   - files: the wanted files.
    ///   - freshness: whether what the cache knows of the revision is good enough.
    ///   - observer: told the size first, then how it goes.
    /// - Throws: ``HubError``; `Disk.Failure`; `CancellationError`, which leaves parts that are resumed another time.
    public func resolve(
        _ reference: HubReference, files: FileSelection = .everything, freshness: Freshness = .cached,
        observer: HubObserver = .none
    ) async throws -> Snapshot {
        if freshness == .cached || settings.isOffline || reference.isCommit,
            let snapshot = try cached(reference, files: files)
        {
            return snapshot
        }
        guard !settings.isOffline else { throw try notInCache(reference, files) }
        let settings = settings
        let waiting: @Sendable (String, Duration) -> Void = { why, delay in
            observer.note("\(why); trying again in \(Int((delay / .seconds(1)).rounded(.up))) s")
        }
        return try await HubTransport.connect(settings) { transport in
            let interface = HubInterface(transport: transport, settings: settings, waiting: waiting)
            return try await fetch(reference, files, interface, observer)
        }
    }

    /// The same for a name as a person gives it. A path is taken as it is, and nothing of it is looked at.
    public func locate(
        _ name: String, expecting kind: HubReference.Kind = .model, files: FileSelection = .everything,
        freshness: Freshness = .cached, observer: HubObserver = .none
    ) async throws -> URL {
        switch try HubName(name, expecting: kind) {
        case .local(let url): url
        case .hub(let reference):
            try await resolve(reference, files: files, freshness: freshness, observer: observer).folder
        }
    }

    /// The folder with the wanted files, if all of them are in the cache; nobody is asked.
    ///
    /// Where the cache has the list of the commit's files, that decides. Where it has none, as after older programs, the selection itself
    /// may know what is enough; offline, what is there is.
    ///
    /// - Throws: ``HubError`` of kind `damaged` where a link leads out of the cache.
    public func cached(_ reference: HubReference, files selection: FileSelection = .everything) throws -> Snapshot? {
        let cache = CacheFolder(settings.cache, reference)
        guard let commit = cache.commit(reference.revisionOrMain), CacheFolder.isThere(cache.snapshot(commit).path)
        else {
            return nil
        }
        let here = try cache.files(commit)
        let wanted: [String]
        if let listing = HubListing(at: cache.tree(commit)) {
            wanted = Self.choose(listing.files.map(\.path), reference, selection)
            let sizes = Dictionary(listing.files.map { ($0.path, $0.size) }) { first, _ in first }
            guard wanted.allSatisfy({ here[$0] == sizes[$0] }) else { return nil }
        } else {
            wanted = Self.choose(here.keys.sorted(), reference, selection)
            let names = reference.path.map { path in wanted.compactMap { Self.below(path, $0) } } ?? wanted
            let isFile = reference.path.map { here[$0] != nil } ?? false
            guard isFile || settings.isOffline || selection.suffices?(names) == true else { return nil }
        }
        guard !wanted.isEmpty else { return nil }
        return snapshot(cache, commit, wanted, selection, fetchedBytes: 0)
    }

    private func snapshot(
        _ cache: CacheFolder, _ commit: String, _ files: [String], _ selection: FileSelection, fetchedBytes: Int
    ) -> Snapshot {
        let top = cache.snapshot(commit), path = cache.reference.path
        // A pattern is the name of no folder.
        let below = path.flatMap { PathPattern($0) == nil || files.contains($0) ? $0 : nil }
        var records = selection.candidates?(files) ?? []
        if case .files(let ordered) = DataShards.choose(among: records) { records = ordered } else { records.sort() }
        return Snapshot(
            folder: below.map(top.appendingPathComponent) ?? top, commit: commit, files: files.sorted(),
            fetchedBytes: fetchedBytes, records: records.map(top.appendingPathComponent))
    }

    /// The rest of a path inside a folder; nil where it is elsewhere.
    private static func below(_ folder: String, _ path: String) -> String? {
        path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.utf8.count + 1)) : nil
    }

    /// The wanted ones among all paths.
    private static func choose(_ paths: [String], _ reference: HubReference, _ selection: FileSelection) -> [String] {
        guard let folder = reference.path else { return selection.choose(paths) }
        // A file that is named is wanted, whatever else is: of a model in several GGUF files all of them, and with a file of activations what
        // says which they are.
        if paths.contains(folder) {
            return FileSelection.ggufParts(of: folder, among: paths)
                + [folder + ".nla_meta.yaml"].filter(paths.contains)
        }
        // So is everything that a pattern matches.
        if let pattern = PathPattern(folder) {
            let matched = paths.filter(pattern.matches), files = selection.candidates?(matched) ?? matched
            return files + (selection.candidates == nil ? [] : DataShards.sidecars(of: files).filter(paths.contains))
        }
        return selection.choose(paths.compactMap { below(folder, $0) }).map { folder + "/" + $0 }
    }

    private func fetch(
        _ reference: HubReference, _ selection: FileSelection, _ interface: HubInterface, _ observer: HubObserver
    ) async throws -> Snapshot {
        let cache = CacheFolder(settings.cache, reference)
        let commit = reference.isCommit ? reference.revisionOrMain : try await interface.commit(reference)
        let listing: HubListing, hasListing: Bool
        if let kept = HubListing(at: cache.tree(commit)) {
            (listing, hasListing) = (kept, true)
        } else {
            (listing, hasListing) = (try await interface.listing(reference, commit: commit), false)
        }
        let paths = listing.files.map(\.path)
        let chosen = Set(Self.choose(paths, reference, selection))
        guard !chosen.isEmpty else { throw noMatch(reference, selection, paths, cache, commit) }
        let files = listing.files.filter { chosen.contains($0.path) }
        let here = try cache.files(commit)
        let missing = files.filter { here[$0.path] != $0.size }
        let received = missing.map { file in
            cache.size(ofBlob: file.blobName) == file.size
                ? file.size
                : PartFile.received(of: cache.blob(file.blobName), size: file.size, pieceSize: settings.pieceSize)
        }
        let plan = HubPlan(
            name: "\(reference.repository)@\(reference.revisionOrMain)", commit: commit, files: files.count,
            missingFiles: missing.count, bytes: files.reduce(0) { $0 + $1.size },
            missingBytes: zip(missing, received).reduce(0) { $0 + $1.0.size - $1.1 })
        guard missing.isEmpty || observer.approve(plan) else { throw HubError(.declined, "\(plan.name): not fetched") }
        try checkSpace(plan)
        try Disk.makeFolder(cache.snapshot(commit))
        cache.tag()
        if !hasListing { listing.keep(at: cache.tree(commit)) }
        let meter = ProgressMeter(bytes: plan.missingBytes, settings.clock, observer.progress)
        let context = FileFetch.Context(
            interface: interface, cache: cache, commit: commit, meter: meter, note: observer.note)
        // Large files first: the small ones fill the gaps at the end.
        let fetches = zip(missing, received).sorted { $0.0.size > $1.0.size }
            .map { FileFetch($0.0, counted: $0.1, context) }
        try await Download.run(fetches, settings)
        // Another program may have finished what was begun here.
        for file in files { cache.removeParts(of: file.blobName) }
        // Last, so that a branch never names a commit that is not whole where it was before.
        try cache.remember(reference.revisionOrMain, is: commit)
        return snapshot(cache, commit, Array(chosen), selection, fetchedBytes: plan.missingBytes)
    }

    private func checkSpace(_ plan: HubPlan) throws {
        // A little is left for whoever else writes.
        guard let free = settings.freeSpace(settings.cache), plan.missingBytes > 0,
            plan.missingBytes + (16 << 20) > free
        else { return }
        throw HubError(
            .disk,
            "\(plan.name): \(HubBytes.text(plan.missingBytes)) are to be fetched, and \(settings.cache.path) has \(HubBytes.text(free)) free; free some (nla models remove), or set HF_HUB_CACHE to another disk"
        )
    }

    private func notInCache(_ reference: HubReference, _ selection: FileSelection) throws -> HubError {
        let cache = CacheFolder(settings.cache, reference)
        let place = "the cache at \(settings.cache.path)"
        let online = "unset HF_HUB_OFFLINE and run again to download it"
        guard CacheFolder.isThere(cache.folder.path) else {
            return HubError(.offline, "\(reference): neither a folder nor in \(place); \(online)")
        }
        guard let commit = cache.commit(reference.revisionOrMain), CacheFolder.isThere(cache.snapshot(commit).path)
        else {
            return HubError(
                .offline,
                "\(reference): \(place) holds no snapshot of its revision \(reference.revisionOrMain); \(online)")
        }
        let here = try cache.files(commit), all = HubListing(at: cache.tree(commit))?.files.map(\.path)
        if let several = severalMatches(reference, selection, all ?? Array(here.keys)) { return several }
        let wanted = all.map { Self.choose($0, reference, selection) }
        let missing = (wanted ?? []).filter { here[$0] == nil }.sorted()
        let names = missing.isEmpty ? selection.description : missing.prefix(3).joined(separator: ", ")
        let more = missing.count > 3 ? " and \(missing.count - 3) more" : ""
        return HubError(.offline, "\(reference): \(place) lacks \(names)\(more); \(online)")
    }

    /// Why nothing was chosen, with the nearest name that there is.
    private func noMatch(
        _ reference: HubReference, _ selection: FileSelection, _ paths: [String], _ cache: CacheFolder, _ commit: String
    ) -> HubError {
        guard !paths.isEmpty else { return HubError(.missing, "\(reference): the repository is empty") }
        if let several = severalMatches(reference, selection, paths) { return several }
        if let path = reference.path, PathPattern(path) != nil {
            let inside = selection.candidates.map { _ in ", \(selection.description)" } ?? ""
            return HubError(
                .missing,
                "\(reference.repository)@\(reference.revisionOrMain) has no file\(inside) that \(path) matches; it has \(Self.some(paths.sorted()))"
            )
        }
        guard let path = reference.path, !paths.contains(where: { $0.hasPrefix(path + "/") }) else {
            return HubError(
                .missing, "\(reference): nothing there is \(selection.description); it has \(Self.some(paths.sorted()))"
            )
        }
        cache.rememberMissing(path, in: commit)
        let near = paths.min { Self.distance($0, path) < Self.distance($1, path) }
        let hint = near.flatMap { Self.distance($0, path) <= max(3, path.count / 3) ? "; there is \($0)" : nil }
        return HubError(
            .missing, "\(reference.repository)@\(reference.revisionOrMain) has no file or folder \(path)\(hint ?? "")")
    }

    private static func some(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }

    /// That nothing was chosen because what was asked for means several data sets, with the name of one, or one that is not whole.
    private func severalMatches(
        _ reference: HubReference, _ selection: FileSelection, _ paths: [String]
    ) -> HubError? {
        guard reference.path.flatMap({ PathPattern($0) }) == nil else { return nil }
        let inside = reference.path.map { folder in paths.compactMap { Self.below(folder, $0) } } ?? paths
        guard let candidates = selection.candidates?(inside) else { return nil }
        switch DataShards.choose(among: candidates) {
        case .none, .files: return nil
        case .incomplete(let missing):
            return HubError(
                .missing,
                "\(reference): has \(candidates.count) of the files of one data set, and \(missing) is not there")
        case .several(let names):
            var one = reference
            one.path = (reference.path.map { "\($0)/" } ?? "") + names[0]
            return HubError(
                .missing,
                "\(reference): has \(names.count == candidates.count ? "\(names.count) files" : "\(names.count) sets of files") that could be meant (\(Self.some(names))); name one, such as \(one)"
            )
        }
    }

    /// Letters to be changed, left out or put in, to make one text of another (Levenshtein 1965).
    private static func distance(_ first: String, _ second: String) -> Int {
        let first = Array(first.lowercased().suffix(200)), second = Array(second.lowercased().suffix(200))
        var row = Array(0...second.count)
        for (i, letter) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in second.enumerated() {
                let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (letter == other ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[second.count]
    }
}
