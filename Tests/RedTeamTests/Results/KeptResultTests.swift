import Foundation
import JSON
import RedTeam
import TestSupport
import Testing

@Suite("Results that are kept")
struct KeptResultTests {
    private func again<Summary: Codable>(_ type: Summary.Type, _ data: Data) throws -> JSONValue {
        try JSONValue(encoding: JSONDecoder().decode(type, from: data))
    }

    @Test("Every result in the repository is read into its struct, and says the same when it is written again")
    func committed() throws {
        let folder = goldens.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Experiments/redteam")
        var kinds: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
            let data = try Data(contentsOf: folder.appending(path: "\(name)/result.json"))
            let result = try JSONValue.parse(data), kind = try #require(result["experiment"]?.string)
            let read =
                switch kind {
                case VectorAttackOptions.stage: try again(VectorSummary.self, data)
                case HideOptions.stage: try again(HideSummary.self, data)
                case RaceOptions.stage: try again(RaceSummary.self, data)
                default: try again(FrontierSummary.self, data)
                }
            #expect(read == result, "\(name)")
            kinds.insert(kind)
        }
        #expect(kinds.count == 4)
    }
}
