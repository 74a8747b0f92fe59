import Foundation

/// An access token that does not show itself when it is printed.
struct HubToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let value: String
    /// Where it comes from, for messages.
    let source: String

    /// The token of `HF_TOKEN`, else of `HUGGING_FACE_HUB_TOKEN`, else of the token file. Nil where there is none, and where
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN` says that none is to be sent unasked.
    init?(_ environment: [String: String], file: String) throws {
        func clean(_ text: String?) -> String? {
            text?.trimmingCharacters(in: .whitespacesAndNewlines).replacingOccurrences(of: "\r", with: "")
                .replacingOccurrences(of: "\n", with: "")
        }
        if let value = clean(environment["HF_TOKEN"]).nonEmpty {
            (self.value, source) = (value, "HF_TOKEN")
        } else if let value = clean(environment["HUGGING_FACE_HUB_TOKEN"]).nonEmpty {
            (self.value, source) = (value, "HUGGING_FACE_HUB_TOKEN")
        } else if let data = FileManager.default.contents(atPath: file),
            let value = clean(String(decoding: data.prefix(4096), as: UTF8.self)).nonEmpty
        {
            (self.value, source) = (value, file)
        } else {
            return nil
        }
        if ["1", "ON", "YES", "TRUE"].contains(environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"]?.uppercased() ?? "") {
            return nil
        }
        guard value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw HubError(.settings, "\(source) holds characters that no token has; set it again")
        }
    }

    var description: String { "(token)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
