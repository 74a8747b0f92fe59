import Foundation
import JSON

/// Where a model's chat templates lie: .jinja files come before tokenizer_config.json, and that before the older chat_template.json,
/// which transformers reads for models that see images.
enum ChatTemplateFiles {
    /// The templates by name. What is wrong with one is told when it is used.
    ///
    /// - Throws: `TokenizerError` that names the file, where it cannot be read.
    static func templates(_ configuration: JSONValue?, folder: URL) throws -> [String: ChatTemplate] {
        var templates = try templates(configuration, file: folder.appending(path: "tokenizer_config.json").path)
        let json = folder.appending(path: "chat_template.json")
        if let data = try? Data(contentsOf: json) {
            let document: JSONValue
            do { document = try JSONValue.parse(data) } catch let error as JSONError {
                throw TokenizerError(source: json.path, reason: "\(error); download the file again")
            }
            templates.merge(try Self.templates(document, file: json.path)) { own, _ in own }
        }
        var files: [String: ChatTemplate] = [:]
        let named = folder.appending(path: "chat_templates")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: named.path)) ?? []
        where name.hasSuffix(".jinja") {
            files[String(name.dropLast(".jinja".count))] = try template(at: named.appending(path: name))
        }
        files["default"] = try template(at: folder.appending(path: "chat_template.jinja")) ?? files["default"]
        return files.isEmpty ? templates : files
    }

    /// The templates of a configuration: one, a list of objects with `name` and `template`, or an object of them by name.
    static func templates(_ configuration: JSONValue?, file: String) throws -> [String: ChatTemplate] {
        let value = configuration?["chat_template"]
        func template(_ text: String) -> ChatTemplate { ChatTemplate(source: text, file: "\(file), chat_template") }
        switch value {
        case nil, .null?: return [:]
        case .string(let text)?: return ["default": template(text)]
        case .array(let list)?:
            var templates: [String: ChatTemplate] = [:]
            for element in list {
                guard let name = element["name"]?.string, let text = element["template"]?.string else {
                    throw TokenizerError(
                        source: file,
                        reason: "a template in \"chat_template\" lacks \"name\" or \"template\"; write both")
                }
                templates[name] = template(text)
            }
            return templates
        case .object(let object)?:
            return try Dictionary(
                object.map { name, value in
                    guard let text = value.string else {
                        throw TokenizerError(
                            source: file,
                            reason: "the template \(name.debugDescription) in \"chat_template\" is no text; write one")
                    }
                    return (name, template(text))
                }
            ) { $1 }
        default:
            throw TokenizerError(
                source: file, reason: "\"chat_template\" is neither text nor a list of templates; write one")
        }
    }

    private static func template(at file: URL) throws -> ChatTemplate? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        guard let data = try? Data(contentsOf: file), let text = String(validating: data, as: UTF8.self) else {
            throw TokenizerError(
                source: file.path, reason: "the template is no UTF-8 text, or cannot be read; write it so")
        }
        return ChatTemplate(source: text, file: file.path)
    }
}
