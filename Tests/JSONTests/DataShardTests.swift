import Foundation
import JSON
import Testing

/// Which files are one data set, by their names.
@Suite("Files of one data set")
struct DataShardTests {
    @Test(
        "Files whose names differ by their number alone are one data set, in the order of the numbers",
        arguments: [
            ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
            ["train-00001-of-00002.parquet", "train-00002-of-00002.parquet"],
            ["part-9.jsonl", "part-10.jsonl", "part-11.jsonl"], ["0000.parquet", "0001.parquet"], ["a.jsonl"],
            ["only-00000-of-00001.parquet"],
            ["part-00000-6f1e-c000.snappy.parquet", "part-00001-6f1e-c000.snappy.parquet"],
            ["shard.2020.jsonl", "shard.2021.jsonl"],
        ])
    func together(files: [String]) {
        #expect(DataShards.choose(among: files.reversed()) == .files(files))
    }

    @Test(
        "Files with other names are other data sets, and so are numbers with gaps, versions, and other endings",
        arguments: [
            (["b.jsonl", "a.jsonl"], ["a.jsonl", "b.jsonl"]),
            (
                ["train-00000-of-00001.parquet", "test-00000-of-00001.parquet"],
                ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"]
            ),
            (["layer-20.parquet", "layer-30.parquet"], ["layer-20.parquet", "layer-30.parquet"]),
            (["v1.jsonl", "v2.jsonl"], ["v1.jsonl", "v2.jsonl"]),
            (["part-0.jsonl", "part-0.parquet"], ["part-0.jsonl", "part-0.parquet"]),
            (["a/part-0.jsonl", "b/part-1.jsonl"], ["a/part-0.jsonl", "b/part-1.jsonl"]),
            (["train-0.jsonl", "train-1.jsonl", "test.jsonl"], ["test.jsonl", "train-*.jsonl"]),
            (["train-00000-of-00002.parquet", "test.parquet"], ["test.parquet", "train-00000-of-00002.parquet"]),
        ])
    func apart(files: [String], names: [String]) {
        #expect(DataShards.choose(among: files) == .several(names))
    }

    @Test("A set that lacks a file says which; nothing is nothing")
    func incomplete() {
        let files = ["d/train-00000-of-00003.parquet", "d/train-00002-of-00003.parquet"]
        #expect(DataShards.choose(among: files) == .incomplete(missing: "d/train-00001-of-00003.parquet"))
        #expect(DataShards.choose(among: [files[1]]) == .incomplete(missing: "d/train-00000-of-00003.parquet"))
        #expect(DataShards.choose(among: []) == .none)
    }

    @Test(
        "Wildcards stay inside a name, two stars go through folders, and hidden files are asked for by their dot",
        arguments: [
            ("a/*.jsonl", "a/b.jsonl", true), ("a/*.jsonl", "a/c/b.jsonl", false),
            ("a/**/*.jsonl", "a/c/d/b.jsonl", true),
            ("a/**/*.jsonl", "a/b.jsonl", true), ("a/**/*.jsonl", "a/.git/b.jsonl", false), ("*", ".a", false),
            (".*/b", ".a/b", true), ("/x/[ab]?.y", "/x/b1.y", true), ("/x/[!ab]?.y", "/x/b1.y", false),
            ("../x/*", "../x/y", true), ("**", "a/b", true), ("a/*", "a", false),
        ])
    func patterns(pattern: String, path: String, matches: Bool) throws {
        #expect(try #require(PathPattern(pattern)).matches(path) == matches)
    }

    @Test("A path without wildcards is no pattern, and a pattern of many stars takes no time")
    func edges() throws {
        #expect(PathPattern("a/b.jsonl") == nil && PathPattern("a/b*/c")?.folder == "a")
        let stars = try #require(PathPattern(String(repeating: "**/", count: 60) + "x"))
        #expect(!stars.matches(String(repeating: "a/", count: 500) + "b"))
    }
}
