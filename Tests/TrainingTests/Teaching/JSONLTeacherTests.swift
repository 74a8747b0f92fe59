import Foundation
import Runs
import Teaching
import Testing

@Suite struct JSONLTeacherTests {
    static func file(_ lines: String...) throws -> URL {
        let file = FileManager.default.temporaryDirectory.appending(path: "teacher-test-\(UUID().uuidString).jsonl")
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        return file
    }

    @Test func explanationsComeInTheOrderOfTheRequestsAndMissingOnesAreCounted() async throws {
        let file = try Self.file(
            #"{"document": "b", "position": 7, "explanation": " Two.\nThe end. "}"#, "",
            #"{"id": "a", "explanation": "One."}"#, #"{"id": "a", "explanation": "One."}"#)
        defer { try? FileManager.default.removeItem(at: file) }
        let requests = [
            TeacherRequest(id: "a", textSoFar: "x"), TeacherRequest(id: "c", textSoFar: "y"),
            TeacherRequest(document: "b", position: 7, textSoFar: "z"),
        ]
        var taught: [TaughtExplanation] = []
        let report = try await JSONLTeacher(file).explain(requests) { taught.append($0) }
        #expect(
            taught == [
                TaughtExplanation(id: "a", explanation: "One."),
                TaughtExplanation(id: "b#7", explanation: "Two.\nThe end."),
            ])
        #expect(report.requested == 3 && report.answered == 2 && report.skipped == ["not in the file": 1])
    }

    @Test(arguments: [
        #"{"id": "b", "explanation": "x""#, #"["b"]"#, #"{"explanation": "x"}"#, #"{"id": "b"}"#,
        #"{"id": "b", "explanation": " "}"#, #"{"id": "a", "explanation": "another"}"#,
        #"{"document": "b", "explanation": "x"}"#, #"{"id": "", "explanation": "x"}"#,
    ])
    func aLineThatCannotBeMeantIsNamed(_ line: String) throws {
        let file = try Self.file(#"{"id": "a", "explanation": "x"}"#, line)
        defer { try? FileManager.default.removeItem(at: file) }
        let error = #expect(throws: TrainingError.self) { try JSONLTeacher(file) }
        #expect(error?.description.contains("\(file.path): line 2") == true, "\(String(describing: error))")
    }

    @Test func filesOfOneDataSetAreReadAsOne() throws {
        let files = try [
            Self.file(#"{"id": "a", "text": "x", "explanation": "One."}"#),
            Self.file("", #"{"id": "b", "text": "y", "explanation": "Two."}"#),
            Self.file(#"{"id": "a", "text": "z", "explanation": "Another."}"#),
        ]
        defer { for each in files { try? FileManager.default.removeItem(at: each) } }
        let teacher = try JSONLTeacher(Array(files.prefix(2)))
        #expect(teacher["a"] == "One." && teacher["b"] == "Two.")
        #expect(try TeacherRequest.read(Array(files.prefix(2))).map(\.id) == ["a", "b"])
        let error = #expect(throws: TrainingError.self) { try JSONLTeacher(files) }
        #expect(error?.description.contains("\(files[2].path): line 1") == true)
        #expect(error?.description.contains(files[0].path) == true)
        #expect(throws: TrainingError.self) { try TeacherRequest.read(files) }
    }

    @Test func textsAreReadWithTheirNames() throws {
        let file = try Self.file(
            #"{"id": 5, "text": "Once"}"#, #"{"document": "d", "position": 3, "text": "upon"}"# + "\r", "")
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(
            try TeacherRequest.read(file) == [
                TeacherRequest(id: "5", textSoFar: "Once"), TeacherRequest(id: "d#3", textSoFar: "upon"),
            ])
    }

    @Test func anIdThatStandsTwiceAndAnEmptyFileAreRefused() throws {
        let file = try Self.file(#"{"id": "a", "text": "x"}"#, #"{"id": "a", "text": "y"}"#)
        let empty = try Self.file("\n")
        defer { for each in [file, empty] { try? FileManager.default.removeItem(at: each) } }
        let error = #expect(throws: TrainingError.self) { try TeacherRequest.read(file) }
        #expect(error?.description.contains("line 2") == true && error?.description.contains("line 1") == true)
        #expect(throws: TrainingError.self) { try TeacherRequest.read(empty) }
        let missing = #expect(throws: TrainingError.self) {
            try TeacherRequest.read(URL(fileURLWithPath: "/nonexistent/texts.jsonl"))
        }
        #expect(missing?.description.contains("No such file") == true, "\(String(describing: missing))")
    }
}
