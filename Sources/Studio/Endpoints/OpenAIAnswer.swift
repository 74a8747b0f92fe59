import Foundation
import HTTPTypes
import JSON

/// What answers of chats and of completions share under `/v1`.
enum OpenAIAnswer {
    /// An answer's id: what the client calls its request, or something of which there is one.
    static func id(_ kind: String, _ name: String?) -> String {
        "\(kind)-" + (name ?? UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased())
    }

    /// Tokens that were read and written.
    static func usage(read: Int, written: Int) -> JSONValue {
        [
            "prompt_tokens": .integer(read), "completion_tokens": .integer(written),
            "total_tokens": .integer(read + written),
        ]
    }

    /// Why a text ends.
    static func reason(_ end: WrittenText.End?) -> String { end == .length ? "length" : "stop" }
}

extension Endpoints {
    /// Throws 404 for a request that names another model than the target.
    func checkModel(_ request: RequestFields, _ target: ModelFacts.Writer) throws {
        if let name = request.json["model"]?.string, name != target.name {
            throw ErrorReply(.notFound, "the model \(name.prefix(100)) is not served here; ask for \(target.name)")
        }
    }
}
