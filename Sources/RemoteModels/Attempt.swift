import Foundation
import JSON

/// What one request came to.
enum Attempt {
    /// A document to read, or a failure.
    case document([UInt8])
    case failure(Failure)

    /// Why there is no document, and whether to ask again.
    struct Failure {
        enum Advice { case none, key, text(String) }

        /// What it means if it stays.
        var kind: RemoteModelError.Kind
        /// A few words from a small set.
        var reason: String
        /// The server's words.
        var detail: String?
        /// How long the server asks to wait.
        var wait: Duration?
        /// Whether it says that the server has too much to do.
        var isOverload = false
        /// What to do about it.
        var advice = Advice.none

        init(_ kind: RemoteModelError.Kind, _ reason: String, _ detail: String? = nil) {
            self.kind = kind
            self.reason = reason
            self.detail = detail
        }

        /// Whether asking again would end the same.
        var isFinal: Bool { kind == .refusesAll || kind == .refusesThis }

        /// The same as an error that ends the run.
        func ending(_ advice: String) -> Failure {
            var failure = self
            failure.kind = .refusesAll
            failure.advice = .text(advice)
            return failure
        }
    }

    static func judge(_ reply: HTTPTransport.Reply) -> Attempt {
        switch reply {
        case .timedOut: return .failure(Failure(.noAnswer, "no answer in time"))
        case .failed(let why): return .failure(Failure(.noAnswer, "the connection failed", why))
        case .tooLong: return .failure(Failure(.badAnswer, "an answer without end"))
        case .answer(let status, let retryAfter, let milliseconds, let body):
            if status == 200 { return .document(body) }
            var failure = judge(status: status, body)
            failure.wait = Backoff.wait(milliseconds: milliseconds, retryAfter: retryAfter)
            return .failure(failure)
        }
    }

    private static func judge(status: Int, _ body: [UInt8]) -> Failure {
        let message = ServerMessage.text(body)
        var failure = Failure(.noAnswer, "HTTP \(status)", message)
        switch status {
        case 300..<400:
            failure = failure.ending("it redirects; give the final address as the base address")
        case 401, 403:
            failure.kind = .refusesAll
            failure.advice = .key
        case 400, 413, 422:
            failure.kind = .refusesThis
        case 408, 409, 425: break
        case 429:
            failure.isOverload = true
            // OpenAI's way to say that the money is spent, which waiting does not mend.
            let json = try? JSONValue.parse(body)
            if json?["error"]?["code"]?.string == "insufficient_quota" {
                failure = failure.ending("the account has no credit left")
            }
        case 404: failure = failure.ending("check the base address and the model's name")
        case 503, 529: failure.isOverload = true
        case 500...: break
        case 200..<300: failure.kind = .badAnswer
        default: failure.kind = .refusesAll
        }
        return failure
    }
}
