import Foundation
import JSON
import Tensors
import Testing

/// Ways for weights to be wrong.
enum WeightDamage {
    static let file = "model.safetensors"
    static let up = "model.layers.1.mlp.up_proj.weight"

    private static func header(
        _ name: String, mentions: [String], _ change: @escaping @Sendable (inout JSONObject) -> Void
    )
        -> Damage
    {
        Damage(name, mentions: [file] + mentions) { try Folders.editHeader($0.appending(path: file), change) }
    }

    private static func entry(_ name: String, mentions: [String], _ changes: [String: JSONValue]) -> Damage {
        header(name, mentions: [up] + mentions) { header in
            var entry = header[up]?.object ?? JSONObject()
            for (key, value) in changes { entry[key] = value }
            header[up] = .object(entry)
        }
    }

    private static func weights(_ name: String, mentions: [String], _ changes: [String: Tensor?]) -> Damage {
        Damage(name, mentions: mentions) { try Folders.rewrite($0.appending(path: file), changes) }
    }

    private static func bytes(
        _ name: String, mentions: [String] = [], _ header: String, length: UInt64? = nil
    ) -> Damage {
        Damage(name, mentions: [file] + mentions) {
            try Folders.writeSafetensors(
                header: header, data: Data(count: 64), length: length, to: $0.appending(path: file))
        }
    }

    static let files: [Damage] = [
        Damage("truncated data", mentions: [file, "truncated"]) { model in
            let file = model.appending(path: file)
            try Data(contentsOf: file).dropLast(1000).write(to: file)
        },
        Damage("truncated header", mentions: [file, "truncated"]) { model in
            let file = model.appending(path: file)
            try Data(contentsOf: file).prefix(100).write(to: file)
        },
        Damage("no bytes", mentions: [file, "empty"]) { try Data().write(to: $0.appending(path: file)) },
        Damage("five bytes", mentions: [file, "5 bytes"]) { try Data(count: 5).write(to: $0.appending(path: file)) },
        Damage("a folder in its place", mentions: [file]) { model in
            try FileManager.default.removeItem(at: model.appending(path: file))
            try FileManager.default.createDirectory(at: model.appending(path: file), withIntermediateDirectories: false)
        },
        Damage("a pipe in its place", mentions: [file, "regular file"]) { model in
            try FileManager.default.removeItem(at: model.appending(path: file))
            #expect(mkfifo(model.appending(path: file).path, 0o600) == 0)
        },
        Damage("no weights", mentions: ["model.safetensors.index.json"]) {
            try FileManager.default.removeItem(at: $0.appending(path: file))
        },
        bytes("a header of 2⁶³ bytes", mentions: ["claims"], "{}", length: 1 << 63),
        bytes("a header of all bits", mentions: ["claims"], "{}", length: .max),
        bytes("a header longer than the file", mentions: ["claims"], "{}", length: 200),
        bytes("a header that is no JSON", mentions: ["JSON"], "{\"a\": "),
        bytes("a header that is no object", mentions: ["object"], "[1, 2]"),
        bytes("a header of nested arrays", mentions: ["JSON"], String(repeating: "[", count: 100_000)),
        Damage("an empty header", mentions: ["embed_tokens.weight"]) {
            try SafetensorsFile.write([], to: $0.appending(path: file))
        },
        bytes(
            "a line break in a name", mentions: ["overflows"],
            #"{"a\nb\u0007": {"dtype": "F32", "shape": [9223372036854775807], "data_offsets": [0, 4]}}"#),
    ]

    static let headers: [Damage] = [
        entry("an unknown type", mentions: ["F4"], ["dtype": "F4"]),
        entry("no type", mentions: ["dtype"], ["dtype": .null]),
        entry("a type that models do not have", mentions: [], ["dtype": "I32"]),
        entry("a type that is not read", mentions: ["U32"], ["dtype": "U32"]),
        entry("another shape of the same size", mentions: ["[24, 40]"], ["shape": [24, 40]]),
        entry("a shape too large for its bytes", mentions: ["bytes"], ["shape": [40, 25]]),
        entry("a negative shape", mentions: ["shape"], ["shape": [-40, -24]]),
        entry("a fraction in the shape", mentions: ["shape"], ["shape": [40, 24.5]]),
        entry("a text for the shape", mentions: ["shape"], ["shape": "40"]),
        entry("an overflowing shape", mentions: ["overflows"], ["shape": [4_294_967_296, 4_294_967_296]]),
        entry(
            "an overflowing shape hidden by a zero", mentions: ["overflows"],
            ["shape": [0, 4_294_967_296, 4_294_967_296], "data_offsets": [0, 0]]),
        entry("offsets that run backwards", mentions: ["data_offsets"], ["data_offsets": [3840, 0]]),
        entry("a negative offset", mentions: ["data_offsets"], ["data_offsets": [-8, 3832]]),
        entry("three offsets", mentions: ["data_offsets"], ["data_offsets": [0, 1, 3840]]),
        entry("offsets that are no numbers", mentions: ["data_offsets"], ["data_offsets": ["0", "3840"]]),
        entry("offsets behind the end", mentions: ["truncated"], ["data_offsets": [9_000_000, 9_003_840]]),
        entry("the largest offset", mentions: ["truncated"], ["data_offsets": [0, .integer(.max)]]),
        entry("another tensor's bytes", mentions: ["overlap"], ["data_offsets": [0, 3840]]),
        header("a tensor that is no object", mentions: [up]) { $0[up] = 5 },
        header("an overlap behind an empty tensor", mentions: ["overlap"]) { header in
            for (name, begin, count) in [("a", 0, 400), ("b", 8, 0), ("c", 16, 100)] {
                header[name] = [
                    "dtype": "F32", "shape": [.integer(count)],
                    "data_offsets": [.integer(begin), .integer(begin + 4 * count)],
                ]
            }
            header["model.embed_tokens.weight"] = nil
        },
    ]

    static let tensors: [Damage] = [
        weights("a missing tensor", mentions: ["layers.1.mlp.up_proj.weight"], [up: nil]),
        weights("a tensor of the wrong shape", mentions: [up, "[40, 23]", "[40, 24]"], [up: Tensor(zeros: [40, 23])]),
        weights("a tensor with an axis too many", mentions: [up], [up: Tensor(zeros: [1, 40, 24])]),
        weights("whole numbers for weights", mentions: [up], [up: Tensor(zeros: [40, 24], .int16)]),
        weights(
            "an embedding of another vocabulary", mentions: ["embed_tokens", "[36, 24]"],
            ["model.embed_tokens.weight": Tensor(zeros: [36, 24])]),
        weights(
            "a weight of NaN", mentions: [up, "NaN"],
            [up: Tensor([Float](repeating: .nan, count: 960), shape: [40, 24])]),
        weights(
            "a weight of infinity in the output matrix", mentions: ["lm_head.weight", "NaN"],
            ["lm_head.weight": Tensor([Float](repeating: .infinity, count: 888), shape: [37, 24])]),
        weights(
            "two tensors for one", mentions: ["embed_tokens.weight", "two tensors"],
            ["embed_tokens.weight": Tensor(zeros: [37, 24])]),
    ]

    /// Replaces the weights by two shards and an index, which `change` makes wrong.
    static func index(
        _ name: String, mentions: [String],
        _ change: @escaping @Sendable (_ model: URL, _ index: inout JSONObject) throws -> Void
    ) -> Damage {
        Damage(name, mentions: mentions) { model in
            let single = model.appending(path: file)
            let all = try Folders.tensors(single).mapValues { $0.copy() }
            var map = JSONObject()
            for (number, names) in [all.keys.sorted().prefix(10), all.keys.sorted().dropFirst(10)].enumerated() {
                let shard = "model-0000\(number + 1)-of-00002.safetensors"
                try SafetensorsFile.write(
                    names.compactMap { name in all[name].map { (name, $0) } }, to: model.appending(path: shard))
                for name in names { map[name] = .string(shard) }
            }
            try FileManager.default.removeItem(at: single)
            var object: JSONObject = JSONObject([("weight_map", .object(map))])
            try change(model, &object)
            try Folders.write(.object(object), to: model.appending(path: "model.safetensors.index.json"))
        }
    }

    private static func map(_ name: String, mentions: [String], _ value: JSONValue) -> Damage {
        index(name, mentions: mentions) { _, index in
            var map = index["weight_map"]?.object ?? JSONObject()
            map[up] = value
            index["weight_map"] = .object(map)
        }
    }

    static let indices: [Damage] = [
        index("a missing shard", mentions: ["model-00002-of-00002.safetensors", "missing"]) { model, _ in
            try FileManager.default.removeItem(at: model.appending(path: "model-00002-of-00002.safetensors"))
        },
        index("no weight_map", mentions: ["index.json", "weight_map"]) { _, index in index["weight_map"] = nil },
        index("a weight_map that is a list", mentions: ["index.json", "weight_map"]) { _, index in
            index["weight_map"] = []
        },
        index("a truncated shard", mentions: ["model-00001-of-00002.safetensors", "truncated"]) { model, _ in
            let shard = model.appending(path: "model-00001-of-00002.safetensors")
            try Data(contentsOf: shard).dropLast(1).write(to: shard)
        },
        index("a missing entry", mentions: ["layers.1.mlp.up_proj.weight"]) { _, index in
            var map = index["weight_map"]?.object ?? JSONObject()
            map[up] = nil
            index["weight_map"] = .object(map)
        },
        map(
            "a shard that does not hold the tensor", mentions: ["index.json", up, "does not hold"],
            "model-00001-of-00002.safetensors"),
        map(
            "a path out of the folder", mentions: ["index.json", up, "no file of this folder"],
            "../model/model-00001-of-00002.safetensors"),
        map("an absolute path", mentions: ["index.json", up, "no file of this folder"], "/etc/passwd"),
        map("the folder above", mentions: ["index.json", up], ".."),
        map("the folder itself", mentions: ["regular file"], "."),
        map("no name", mentions: ["index.json", up, "no file of this folder"], ""),
        map("a number for a name", mentions: ["index.json", up, "no file of this folder"], 5),
        map("a file that is no safetensors file", mentions: ["config.json", "safetensors"], "config.json"),
    ]
}
