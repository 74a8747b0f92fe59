import Foundation

/// The folders of huggingface_hub's `constants.py`. A variable that is set to nothing counts as set. `~`, `~name`, `$NAME` and
/// `${NAME}` are expanded.
package struct HubPaths {
    /// The cache of repositories, and the file with the token.
    package let cache: String, tokenFile: String

    package init(_ environment: [String: String]) {
        func expanded(_ path: String) -> String {
            Self.expandingVariables(Self.expandingHome(path, environment), environment)
        }
        func join(_ folder: String, _ name: String) -> String {
            folder.isEmpty || folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        }
        let base = environment["XDG_CACHE_HOME"] ?? join(Self.expandingHome("~", environment), ".cache")
        let home = expanded(environment["HF_HOME"] ?? join(base, "huggingface"))
        cache = expanded(environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"] ?? join(home, "hub"))
        tokenFile = expanded(environment["HF_TOKEN_PATH"] ?? join(home, "token"))
    }

    /// What Python's `os.path.expanduser` does: a leading `~` or `~name` becomes a home folder, if there is one.
    private static func expandingHome(_ path: String, _ environment: [String: String]) -> String {
        guard path.hasPrefix("~") else { return path }
        let user = path.dropFirst().prefix { $0 != "/" }
        let found: String?
        if user.isEmpty {
            found = environment["HOME"] ?? home(getpwuid(getuid()))
        } else {
            found = home(getpwnam(String(user)))
        }
        guard var folder = found else { return path }
        while folder.hasSuffix("/") { folder.removeLast() }
        let rest = path.dropFirst(1 + user.count)
        return folder.isEmpty && rest.isEmpty ? "/" : folder + rest
    }

    private static func home(_ entry: UnsafeMutablePointer<passwd>?) -> String? {
        entry?.pointee.pw_dir.map { String(cString: $0) }
    }

    /// What Python's `os.path.expandvars` does: variables that are not set stay as they stand.
    private static func expandingVariables(_ path: String, _ environment: [String: String]) -> String {
        var output = "", rest = Substring(path)
        while let dollar = rest.firstIndex(of: "$") {
            output += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            var name = Substring(), end = after.startIndex
            if after.first == "{" {
                if let close = after.firstIndex(of: "}") {
                    name = after[after.index(after: after.startIndex)..<close]
                    end = after.index(after: close)
                }
            } else {
                name = after.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                end = name.endIndex
            }
            if let value = environment[String(name)], !name.isEmpty {
                output += value
            } else {
                output += rest[dollar..<end]
            }
            rest = rest[end...]
        }
        return output + rest
    }
}
