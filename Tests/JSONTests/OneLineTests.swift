import JSON
import Testing

@Suite("Lines of messages")
struct OneLineTests {
    @Test("What breaks a line or moves the cursor is written out; all else stays")
    func broken() {
        #expect(
            "a\nb\r\nc\u{0}\u{1B}[31m\u{85}\u{2028}\u{2029}".onOneLine
                == #"a\nb\r\nc\0\u{1B}[31m\u{0085}\u{2028}\u{2029}"#)
        #expect("é\u{301} «日本» 👩‍👧".onOneLine == "é\u{301} «日本» 👩‍👧")
    }

    @Test("Of a long text the beginning and the end are shown")
    func abridged() {
        let text = String(repeating: "a", count: 200) + String(repeating: "b", count: 200)
        #expect(text.abridged == text && "".abridged == "")
        #expect(
            (text + "c").abridged == String(repeating: "a", count: 200) + "…" + String(repeating: "b", count: 119) + "c"
        )
    }
}
