// Serves folders as a hub does, for other clients: ServeHub FOLDER [PORT]. Repositories lie at FOLDER/models/org/name and
// FOLDER/datasets/org/name; files of more than a megabyte are on a storage host of their own.
import Foundation
import ScriptedHub

/// A line that is there when this returns, whatever standard output is.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

let arguments = CommandLine.arguments
guard arguments.count > 1 else {
    say("usage: ServeHub FOLDER [PORT]")
    exit(64)
}
let hub = try await ScriptedHub(port: arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0)
let top = URL(fileURLWithPath: arguments[1])
func names(_ folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
}
for kind in ["models", "datasets"] {
    for owner in names(top.appending(path: kind)) {
        for name in names(top.appending(path: "\(kind)/\(owner)")) {
            let folder = top.appending(path: "\(kind)/\(owner)/\(name)")
            var files: [Repository.File] = []
            for path in FileManager.default.enumerator(atPath: folder.path)?.compactMap({ $0 as? String }) ?? [] {
                let url = folder.appending(path: path)
                guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path),
                    attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? Int
                else { continue }
                files.append(
                    size > 1 << 20
                        ? try Repository.File(path, at: url) : Repository.File(path, Array(try Data(contentsOf: url))))
            }
            hub.add(Repository("\(owner)/\(name)", kind: kind, files))
        }
    }
}
say("endpoint \(hub.endpoint)")
while true { try await Task.sleep(for: .seconds(3600)) }
