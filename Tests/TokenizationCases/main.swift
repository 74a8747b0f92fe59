import Foundation
import JSON
import Tokenization

// Answers cases of Scripts/fuzz_tokenizers.py: one JSON object a line in, one out.
//
//     {"tokenizer": {…}, "texts": ["…"], "ids": [[1, 2]]}   what texts encode to, and lists of ids decode to
//     {"template": "…", "conversation": {…}, "special": {"bos_token": "<s>"}}   what a conversation renders to
//     {"folder": "…", "texts": ["…"], "ids": [[1, 2]]}   as the first, from a model's folder

/// What a tokenizer makes of texts and ids, and whether what must agree with it does.
func answer(_ tokenizer: Tokenizer, _ request: JSONValue) -> JSONValue {
    var encoded: [JSONValue] = []
    var complaints: [JSONValue] = []
    var lists =
        request["ids"]?.array?.map {
            $0.array?.compactMap { $0.int.flatMap(Int32.init(exactly:)) } ?? []
        } ?? []
    for text in request["texts"]?.array?.compactMap(\.string) ?? [] {
        let ids = tokenizer.encode(text)
        let plain = tokenizer.encode(text, addSpecialTokens: false)
        encoded.append([
            "ids": .array(ids.map { .integer(Int($0)) }),
            "plain": .array(plain.map { .integer(Int($0)) }),
        ])
        lists.append(ids)
        // Refused where normalization changes the text; else as `encode` gives them.
        if let placed = try? tokenizer.encodeWithPlaces(text) {
            if placed.ids != ids || placed.byteEnds.count != ids.count
                || placed.byteEnds != placed.byteEnds.sorted()
            {
                complaints.append(.string("places of \(text.debugDescription)"))
            }
        }
    }
    let decoded = lists.map { ids -> JSONValue in
        let all = tokenizer.decode(ids, skipSpecialTokens: false)
        let kept = tokenizer.decode(ids)
        for (text, skips) in [(all, false), (kept, true)] {
            var decoder = tokenizer.streamingDecoder(skipSpecialTokens: skips)
            let streamed = ids.map { decoder.append($0) }.joined() + decoder.finish()
            if !streamed.utf8.elementsEqual(text.utf8) {
                complaints.append(.string("streaming of \(ids)"))
            }
        }
        for (position, id) in ids.enumerated() { _ = tokenizer.bytes(of: id, isFirst: position == 0) }
        return ["all": .string(all), "kept": .string(kept)]
    }
    return ["encoded": .array(encoded), "decoded": .array(decoded), "complaints": .array(complaints)]
}

/// The tokenizers of folders that were asked for.
nonisolated(unsafe) var folders: [String: Tokenizer] = [:]

func answer(_ request: JSONValue) throws -> JSONValue {
    if let template = request["template"]?.string {
        let conversation = try Conversation(request["conversation"] ?? .null, source: "conversation")
        var special: [String: String] = [:]
        for (name, value) in request["special"]?.object ?? JSONObject() { special[name] = value.string }
        return [
            "text": .string(
                try ChatTemplate(source: template).render(conversation, specialTokens: special))
        ]
    }
    if let path = request["folder"]?.string {
        let tokenizer = try folders[path] ?? Tokenizer(folder: URL(filePath: path))
        folders[path] = tokenizer
        return answer(tokenizer, request)
    }
    let bytes = Array((request["tokenizer"] ?? .null).serialized().utf8)
    return answer(try Tokenizer(tokenizerJSON: bytes, source: "tokenizer.json"), request)
}

while let line = readLine() {
    var reply: JSONValue
    do {
        reply = try answer(try JSONValue.parse(Array(line.utf8)))
    } catch {
        reply = ["error": .string("\(error)")]
    }
    FileHandle.standardOutput.write(Data((reply.serialized() + "\n").utf8))
}
