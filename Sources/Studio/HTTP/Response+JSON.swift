import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import NIOCore

extension Response {
    /// A JSON document, in pieces if it is long, so that a client that reads slowly can be told from one that reads nothing.
    init(_ status: HTTPResponse.Status = .ok, json: JSONValue) {
        let bytes = ByteBuffer(string: json.compact)
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        let pieceSize = 1 << 16
        guard bytes.readableBytes > pieceSize else {
            self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: bytes))
            return
        }
        let body = ResponseBody(contentLength: bytes.readableBytes) { writer in
            var rest = bytes
            while let piece = rest.readSlice(length: min(pieceSize, rest.readableBytes)), piece.readableBytes > 0 {
                try await writer.write(piece)
            }
            try await writer.finish(nil)
        }
        self.init(status: status, headers: headers, body: body)
    }
}

extension JSONValue {
    /// Without spaces or line breaks between elements.
    var compact: String { serialized(JSONFormat(itemSeparator: ",", keySeparator: ":")) }
}
