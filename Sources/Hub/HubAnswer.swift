import Foundation
import HTTP
import JSON

/// What an answer that is not the wanted one means.
enum HubAnswer {
    /// A failure, and what may follow from it.
    struct Failure: PassedOn {
        /// What may be done.
        enum Course: Equatable {
            /// The same again later, after the server's wait if it names one.
            case again(after: Duration?)
            /// Another address first: a signed one has run out.
            case locateAgain
            /// The part is of no use: from the beginning.
            case fromStart
            /// Nothing.
            case none
        }
        var course: Course
        /// What it comes to if it stays.
        var error: HubError
        /// Whether nobody was there at all.
        var isAbsence = false
    }

    /// Judges the hub's answer about a repository.
    ///
    /// - Parameters:
    ///   - body: the beginning of the answer's body.
    ///   - file: the path that was asked for, if one was.
    static func failure(
        _ head: HubHead, body: [UInt8] = [], about reference: HubReference, file: String? = nil, _ settings: HubSettings
    ) -> Failure {
        let code = head.header("x-error-code"), message = head.header("x-error-message")
        let words = message ?? (try? JSONValue.parse(body))?["error"]?.string
        let name = reference.repository.description
        let host = HubOrigin(settings.endpoint)?.host ?? settings.endpoint
        func final(_ kind: HubError.Kind, _ line: String) -> Failure {
            Failure(course: .none, error: HubError(kind, line))
        }
        let says = words.map { " (\($0))" } ?? ""
        switch (code, head.status) {
        case ("GatedRepo", _):
            let place = "\(settings.endpoint)/\(name)"
            return final(
                .refused,
                settings.token.map {
                    "\(name) is gated: accept its terms at \(place) with the account of the token in \($0.source), then run again"
                }
                    ?? "\(name) is gated: accept its terms at \(place), put that account's token into HF_TOKEN, then run again"
            )
        case ("RevisionNotFound", _):
            return final(.missing, "\(name) has no branch, tag or commit \(reference.revisionOrMain)")
        case ("EntryNotFound", _):
            return final(.missing, "\(name)@\(reference.revisionOrMain) has no file \(file ?? "of this name")")
        case ("RepoNotFound", _): return missingRepository(reference, host, settings)
        case (_, 401):
            guard let token = settings.token else {
                // The hub does not say whether something private exists.
                return missingRepository(reference, host, settings)
            }
            return final(.refused, "\(host) does not accept the token in \(token.source)\(says); set a valid one")
        case (_, 403):
            return final(
                .refused,
                settings.token.map { "\(name): the token in \($0.source) may not read it\(says)" }
                    ?? "\(name): nobody without a token may read it\(says); put one into HF_TOKEN")
        case (_, 404):
            return final(
                .missing,
                "\(name)\(file.map { ": no file \($0)" } ?? "") at \(settings.endpoint)\(says); check HF_ENDPOINT")
        case (_, 429):
            let wait = wait(head)
            let line =
                wait.map { "\(host) asks to wait \(Int(($0 / .seconds(1)).rounded(.up))) s: too many requests\(says)" }
                ?? "\(host) says that there were too many requests\(says)"
            return Failure(
                course: .again(after: wait),
                error: HubError(
                    .unreachable, line + (settings.token == nil ? "; with a token in HF_TOKEN more are allowed" : "")))
        case (_, 408), (_, 425), (_, 500...):
            return Failure(
                course: .again(after: wait(head)), error: HubError(.unreachable, "\(host): HTTP \(head.status)\(says)"))
        case (_, 300..<400):
            return final(.unreachable, "\(host): it redirects, and not to anywhere; check HF_ENDPOINT")
        default: return final(.unreachable, "\(host): HTTP \(head.status)\(says)")
        }
    }

    private static func missingRepository(_ reference: HubReference, _ host: String, _ settings: HubSettings) -> Failure
    {
        let name = reference.id
        let line =
            settings.token.map {
                "\(host) has no \(reference.kind.words) \(name) that the token in \($0.source) may read"
            }
            ?? "\(host) has no public \(reference.kind.words) \(name); a private or gated one needs a token in HF_TOKEN"
        return Failure(course: .none, error: HubError(.missing, line))
    }

    /// Judges the answer of a storage host about bytes of a file.
    static func storageFailure(_ head: HubHead, file: String, host: String) -> Failure {
        let error = HubError(.unreachable, "\(file): HTTP \(head.status) from \(host)")
        switch head.status {
        // A signed address is good for an hour or so.
        case 401, 403, 404, 410: return Failure(course: .locateAgain, error: error)
        case 416:
            return Failure(
                course: .fromStart,
                error: HubError(.damaged, "\(file): \(host) has fewer bytes of it than the hub says"))
        case 408, 425, 429, 500...: return Failure(course: .again(after: wait(head)), error: error)
        default: return Failure(course: .none, error: error)
        }
    }

    /// How long a server asks to wait: `Retry-After` in seconds or as a date, or the hub's `RateLimit: "…";r=0;t=55`.
    static func wait(_ head: HubHead, now: Date = Date()) -> Duration? {
        if let wait = Backoff.wait(retryAfter: head.header("retry-after"), now: now) { return wait }
        guard let limit = head.header("ratelimit"),
            limit.firstMatch(of: /;\s*r\s*=\s*0(?:\s*;|\s*$)/) != nil,
            let reset = limit.firstMatch(of: /;\s*t\s*=\s*(\d+)/), let seconds = Double(reset.1)
        else { return nil }
        return .seconds(min(seconds, 1e9))
    }
}
