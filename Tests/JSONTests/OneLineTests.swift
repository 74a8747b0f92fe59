import JSON
import Testing

@Suite("Lines of messages")
struct OneLineTests {
    @Test("What breaks a line or moves the cursor is written out; all else stays")
    func broken() {
        #expect("a\nb\r\nc\u{0}\u{1B}[31m\u{85}\u{2028}\u{2029}".onOneLine == #"a\nb\r\nc\0\u{1B}[31m\u{0085}\u{2028}\u{2029}"#)
        #expect("é\u{301} «日本» 👩‍👧".onOneLine == "é\u{301} «日本» 👩‍👧")
    }
}
