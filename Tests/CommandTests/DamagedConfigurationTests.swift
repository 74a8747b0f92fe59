import Foundation
import JSON
import TestSupport
import Testing

@Suite("Damaged configurations")
struct DamagedConfigurationTests {
    @Test("A damaged file is refused in one line", arguments: ConfigurationDamage.files)
    func file(damage: Damage) throws { try damage.expectRefusal() }

    @Test("An absurd size is refused in one line", arguments: ConfigurationDamage.numbers)
    func number(damage: Damage) throws { try damage.expectRefusal() }

    @Test("An unknown setting is refused in one line that names it", arguments: ConfigurationDamage.settings)
    func setting(damage: Damage) throws { try damage.expectRefusal() }

    @Test("An unknown rotary embedding is refused in one line that names it", arguments: ConfigurationDamage.ropes)
    func rope(damage: Damage) throws { try damage.expectRefusal() }

    @Test("The older dialect is refused likewise")
    func scaling() throws {
        try Damage("rope_scaling", mentions: ["rope_scaling", "dynamic"]) { model in
            try Folders.edit(model.appending(path: "config.json")) { json in
                json["rope_parameters"] = nil
                json["rope_scaling"] = ["type": "dynamic", "factor": 2]
            }
        }.expectRefusal()
    }

    @Test(
        "Gemma's settings that are not computed are refused",
        arguments: ConfigurationDamage.gemma)
    func gemma(damage: Damage) throws { try damage.expectRefusal(of: "gemma3") }

    @Test(
        "Qwen's sliding window must be a number",
        arguments: ConfigurationDamage.qwen)
    func qwen(damage: Damage) throws {
        try Damage(damage.testDescription, mentions: damage.mentions) { model in
            // Files of transformers 4 have no layer_types.
            try Folders.edit(model.appending(path: "config.json")) { $0["layer_types"] = nil }
            try damage.apply(model)
        }.expectRefusal(of: "qwen2-window")
    }

    @Test(
        "The same sizes are refused where there are no weights to contradict them",
        arguments: ConfigurationDamage.numbers.filter {
            !$0.mentions.isEmpty
        })
    func bench(damage: Damage) throws {
        try withScratch { folder in
            let model = try Folders.copy(into: folder)
            try damage.apply(model)
            let outcome = try Command.fail(
                ["bench", "extract", "--config", model.appending(path: "config.json").path], mentioning: damage.mentions
            )
            #expect(outcome.output.isEmpty)
        }
    }
}
