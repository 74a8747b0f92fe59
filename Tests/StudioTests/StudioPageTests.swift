import Foundation
import JSON
import Studio
import TestSupport
import Testing

/// What the page asks: readings, the library, steering.
@Suite("The studio's interface", .serialized)
struct StudioPageTests {
    private static let story =
        "Cyril and Rosa lived near the market. Rosa took a rusty saddle out of a bag. Rosa lost a bet, and Cyril walked off with it. "
        + "The one to look after the saddle was"

    /// A server with a page, whose library is in a folder of its own.
    private func withStudio(_ body: (Client, URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nla-library-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "library.sqlite")
        try await withServer({ $0.page = .init(library: file) }) { client, _ in try await body(client, file) }
    }

    private func read(_ client: Client, _ text: String = story) async throws -> String {
        let answer = try await client.post("/studio/readings", ["text": .string(text)])
        #expect(answer.status == 201, "\(answer.text.prefix(300))")
        return try #require(answer.json()["id"]?.string)
    }

    @Test(
        "Browsers get the page, programs what they always got; only the page's own files are served, and only to itself"
    )
    func page() async throws {
        try await withStudio { client, _ in
            let page = try await client.send("GET", "/", nil, [("accept", "text/html")])
            #expect(page.status == 200 && page.text.contains("<!doctype html>"))
            #expect(page.headers["content-security-policy"]?.contains("default-src 'self'") == true)
            #expect(try await client.get("/").json()["d_model"]?.int == 256)
            let script = try await client.get("/page/main.js")
            #expect(script.status == 200 && script.headers["content-type"]?.hasPrefix("text/javascript") == true)
            let again = try await client.send(
                "GET", "/page/main.js", nil, [("if-none-match", script.headers["etag"] ?? "")])
            #expect(again.status == 304 && again.body.isEmpty)
            for path in [
                "/page/..%2f..%2fPackage.swift", "/page/%2e%2e", "/page/../Package.swift", "/page/nothing.js",
                "/studio/runs/..%2f..%2fetc",
            ] {
                #expect(try await client.get(path).status == 404, "\(path)")
            }
        }
    }

    @Test("Every file of the page is part of the program")
    func files() async throws {
        let folder = goldens.deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Sources/Studio/Page")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.count > 10)
        try await withStudio { client, _ in
            for name in names {
                let file = try Data(contentsOf: folder.appending(path: name))
                #expect(try await client.get("/page/\(name)").body == [UInt8](file), "\(name)")
            }
        }
    }

    @Test("What is explained streams, is kept, is found by its words, and opens again")
    func explained() async throws {
        try await withStudio { client, _ in
            let id = try await read(client)
            let frames = try await client.frames(
                "/studio/readings/\(id)/explain", ["positions": [-1], "samples": 2, "temperature": 1])
            #expect(frames.isDone && frames.values.first?["total"]?.int == 2)
            let finished = frames.values.filter { $0["done"]?.bool == true }
            #expect(finished.compactMap { $0["sample"]?.int } == [0, 1])
            #expect(
                finished.allSatisfy { $0["agreement"]?.double != nil && $0["cosine_similarity"]?.double ?? 0 > 0.3 })
            let kept = try await client.get("/studio/readings/\(id)").json()
            #expect(kept["explanations"]?.array?.count == 2)
            #expect(kept["explanations"]?[0]?["description"] == finished[0]["description"])
            let found = try await client.get("/studio/library?words=object").json()["items"]?.array ?? []
            #expect(!found.isEmpty && found.allSatisfy { $0["reading"]?.string == id })
            #expect(try await client.get("/studio/library?words=zzyzx").json()["items"]?.array?.isEmpty == true)
            #expect(try await client.get("/studio/library?words=%22%28%2A").status == 200)
        }
    }

    @Test("Words of TinyWorld's texts are true, false or latent")
    func truth() async throws {
        try await withStudio { client, _ in
            let text =
                try await client.get("/studio/world?kind=story&seed=7").json()["documents"]?[0]?["text"]?.string ?? ""
            let reading = try await client.post(
                "/studio/readings", ["text": .string(text), "world": ["kind": "story", "seed": 7, "index": 0]]
            ).json()
            #expect(reading["truth"]?.array?.isEmpty == false)
            let frames = try await client.frames(
                "/studio/readings/\(reading["id"]?.string ?? "")/explain", ["positions": [-1, -3, 10, 20]])
            let truths = frames.values.flatMap { $0["claims"]?.array ?? [] }.compactMap { $0["truth"]?.string }
            #expect(!truths.isEmpty && truths.allSatisfy { ["true", "false", "latent"].contains($0) })
        }
    }

    @Test("A change of words moves the vector, and decides what the target says; a random push of that length does not")
    func steered() async throws {
        try await withStudio { client, _ in
            let id = try await read(client)
            let old = "Cyril has the object. It ends with \"was\".", new = "Rosa has the object. It ends with \"was\"."
            _ = try await client.frames("/studio/readings/\(id)/explain", ["positions": [-1]])
            let edit = try await client.json(
                "/studio/readings/\(id)/edit", ["position": -1, "text": .string(new), "explanation": "1", "keep": true])
            #expect(edit["moved"]?.double ?? 1 < 0.9)
            #expect(edit["cosine_similarity"]?.double ?? 1 < edit["original"]?["cosine_similarity"]?.double ?? 0)
            #expect(edit["nearest"]?.array?.isEmpty == false && edit["kept"]?["origin"]?.string == "edited")
            let frames = try await client.frames(
                "/studio/readings/\(id)/steer",
                ["position": -1, "text": .string(new), "original": .string(old), "strength": 1, "max_new_tokens": 4])
            let variants = frames.values.first?["variants"]?.array ?? []
            #expect(variants.compactMap { $0["name"]?.string } == ["clean", "edited", "reconstruction", "random"])
            let next = variants.map { $0["next"]?[0]?["token"]?.string }
            #expect(next == [" Cyril", " Rosa", " Cyril", " Cyril"])
            #expect(variants[0]["kl"]?.double == 0 && variants[1]["kl"]?.double ?? 0 > 1)
            for variant in variants {
                let sum = (variant["next"]?.array ?? []).reduce(0) { $0 + ($1["probability"]?.double ?? 2) }
                #expect(sum > 0.5 && sum <= 1.000001)
            }
            #expect(frames.values.count { $0["done"]?.bool == true } == 4)
            let still = try await client.frames(
                "/studio/readings/\(id)/steer",
                ["position": -1, "text": .string(new), "original": .string(old), "strength": 0, "max_new_tokens": 1])
            #expect(still.values.first?["variants"]?[1]?["kl"]?.double ?? 1 < 1e-6)
        }
    }

    @Test("Deleted is deleted: not a word of it is left in the library's files")
    func deleted() async throws {
        try await withStudio { client, file in
            let id = try await read(client, "The xylophonist of Quixburg hid a zither. Then")
            _ = try await client.frames("/studio/readings/\(id)/explain", ["positions": [-1, 3]])
            let note = try await client.post(
                "/studio/readings/\(id)/notes", ["position": 3, "text": "quokkas", "highlighted": true])
            #expect(note.status == 200 || note.status == 201)
            func bytes() -> String {
                ["", "-wal"].map { suffix in
                    let data = (try? Data(contentsOf: URL(fileURLWithPath: file.path + suffix))) ?? Data()
                    return String(decoding: data, as: UTF8.self).lowercased()
                }.joined()
            }
            #expect(bytes().contains("xylophonist") && bytes().contains("quokkas"))
            #expect(try await client.send("DELETE", "/studio/readings/\(id)", nil, []).status == 204)
            for word in ["xylophonist", "quixburg", "quokkas"] { #expect(!bytes().contains(word), "\(word)") }
            #expect(try await client.get("/studio/readings/\(id)").status == 404)
            #expect(try await client.get("/studio/library?words=xylophonist").json()["items"]?.array?.isEmpty == true)
        }
    }

    @Test("A library from which much has been deleted is searched and written to like any other")
    func muchDeleted() async throws {
        try await withStudio { client, _ in
            let id = try await read(client)
            func note(_ text: String) async throws -> String? {
                let answer = try await client.post(
                    "/studio/readings/\(id)/notes", ["position": 1, "text": .string(text)])
                return try answer.json()["id"]?.string
            }
            // SQLite 3.40.1 cannot read an index any more whose parts were merged so often.
            for number in 0..<1400 {
                let kept = try await note("a tapir, number \(number)"), other = try await note("an ocelot")
                try #require(kept != nil && other != nil, "\(number)")
                let deleted = try await client.send("DELETE", "/studio/notes/\(other ?? "")", nil, [])
                try #require(deleted.status == 204, "\(number): \(deleted.text.prefix(200))")
            }
            #expect(try await client.get("/studio/library?words=ocelot").json()["items"]?.array?.isEmpty == true)
            let kept = try await client.get("/studio/readings/\(id)").json()["notes"]?.array?.count
            #expect(kept == 1400)
        }
    }

    @Test("An export comes back by import as it was; other files are refused in a line")
    func roundTrip() async throws {
        try await withStudio { client, _ in
            let id = try await read(client)
            _ = try await client.frames("/studio/readings/\(id)/explain", ["positions": [-1, 4]])
            let exported = try await client.get("/studio/export?format=jsonl")
            let back = try await client.send(
                "POST", "/studio/import", exported.body, [("content-type", "application/json")])
            #expect(back.status == 200, "\(back.text.prefix(300))")
            #expect(try back.json()["explanations"]?.int == 2)
            let copy = try #require(back.json()["readings"]?[0]?.string)
            func said(_ id: String) async throws -> [String] {
                try await client.get("/studio/readings/\(id)").json()["explanations"]?.array?.compactMap {
                    $0["description"]?.string
                } ?? []
            }
            let copied = try await said(copy), original = try await said(id)
            #expect(copy != id && copied == original)
            let other = try await client.send(
                "POST", "/studio/import", Array("{\"a\": 1}".utf8), [("content-type", "application/json")])
            #expect((400..<500).contains(other.status) && other.text.contains("detail"), "\(other.text)")
        }
    }

    @Test("What is not there, or cannot be, is refused with the right status")
    func refusals() async throws {
        try await withStudio { client, _ in
            let id = try await read(client)
            #expect(try await client.get("/studio/readings/99999").status == 404)
            #expect(try await client.get("/studio/readings/x").status == 404)
            #expect(try await client.status("/studio/readings", ["text": ""]) == 422)
            #expect(try await client.status("/studio/readings/\(id)/explain", ["positions": [9999]]) == 422)
            for path in ["explain", "layers"] {
                for body: JSONValue in [[:], ["positions": .null], ["positions": []]] {
                    #expect(try await client.status("/studio/readings/\(id)/\(path)", body) == 422, "\(path) \(body)")
                }
            }
            #expect(
                try await client.status("/studio/readings/\(id)/explain", ["positions": [0], "samples": 99]) == 422)
            #expect(
                try await client.status("/studio/readings/\(id)/explain", ["positions": [0], "pair": "none"]) == 422)
            #expect(try await client.status("/studio/readings/\(id)/edit", ["position": 0]) == 422)
            #expect(try await client.get("/studio/runs/none").status == 404)
            // SQLite would end the text there.
            let cut = try await client.post("/studio/readings", ["text": "Rosa\0and Cyril"])
            #expect(cut.status == 422 && cut.text.contains("U+0000"))
        }
    }

    @Test("A text whose characters are decomposed is explained like any other, and opens again")
    func decomposed() async throws {
        try await withStudio { client, _ in
            let id = try await read(client, "The cafe\u{301} of Rosa. Then")
            let frames = try await client.frames("/studio/readings/\(id)/explain", ["positions": [-1]])
            #expect(frames.isDone && frames.values.last?["done"]?.bool == true)
        }
    }
}
