import Foundation

/// A message of a prompt template that is a list of messages.
public struct TemplateMessage: Sendable, Equatable {
    /// Who speaks.
    public var role: String
    /// The text, with `{injection_char}` in one of the messages.
    public var content: String

    /// A message.
    public init(role: String, content: String) {
        self.role = role
        self.content = content
    }
}

extension String {
    /// What stands between the places of a template's field: one text more than there are places.
    ///
    /// Templates are written for Python's `str.format`, where `{{` and `}}` stand for single braces. One that it would refuse, with
    /// single braces or other fields in it, was meant for plain replacement: its braces stay as they are.
    func pieces(around field: String) -> [String] {
        var pieces = [String.UnicodeScalarView()]
        let name = Array("{\(field)}".unicodeScalars)
        var rest = unicodeScalars[...]
        while let next = rest.first {
            if next == "{" || next == "}" {
                if rest.starts(with: name) {
                    pieces.append(String.UnicodeScalarView())
                    rest.removeFirst(name.count)
                    continue
                }
                guard rest.dropFirst().first == next else { return components(separatedBy: "{\(field)}") }
                rest.removeFirst()
            }
            pieces[pieces.count - 1].append(next)
            rest.removeFirst()
        }
        return pieces.map { String($0) }
    }

    /// The template with a text in every place of a field. The text is not looked at again.
    func filled(_ field: String, with text: String) -> String { pieces(around: field).joined(separator: text) }
}
