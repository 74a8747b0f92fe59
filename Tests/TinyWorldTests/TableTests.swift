import Claims
import Testing

import TinyWorld

@Suite struct TableTests {
    @Test func soundAndTopicGiveOneRhymeWord() {
        #expect(Rhymes.all.count >= 250 && Rhymes.classes.count >= 60)
        for group in Rhymes.classes {
            #expect(group.count >= 3 && Set(group.map(\.topic)).count == group.count, "\(group.map(\.word))")
        }
        #expect(Set(Rhymes.all.map(\.word)).count == Rhymes.all.count)
    }

    @Test func aCoupletsLinesEndInWordsOfOneSound() {
        let sounds = Dictionary(uniqueKeysWithValues: Rhymes.all.map { ($0.word, $0.sound) })
        for document in Sample.all where document.kind == "couplet" {
            let ends = document.text.split(separator: "\n").filter {
                $0.hasSuffix(",") || $0.hasPrefix("and ") || $0.hasPrefix("then ")
            }
            .compactMap { Sample.words($0).last }
            #expect(ends.count == 4)
            #expect(sounds[ends[0]] == sounds[ends[1]] && sounds[ends[2]] == sounds[ends[3]] && ends[0] != ends[1])
        }
    }

    @Test func everyTownLiesInALandAndNoValueIsSharedByTwoLands() {
        #expect(Atlas.towns.count == 72 && Atlas.rivers.count == 24 && Atlas.lands.count == 8)
        for land in 0..<8 { #expect(Atlas.towns.filter { $0.land == land }.count == 9) }
        for attribute in Atlas.attributes { #expect(Set(attribute.values).count == 8) }
        #expect(Set(Atlas.towns.map(\.name)).count == 72 && Set(Atlas.rivers.map(\.name)).count == 24)
    }

    @Test func trainingAsksAboutEveryTownAndEveryAttributeOfEveryLand() {
        #expect((20...90).contains(Atlas.pairs.heldOut.count), "\(Atlas.pairs.heldOut.count)")
        for town in Atlas.towns.indices { #expect(Atlas.pairs.training.filter { $0.town == town }.count >= 4) }
        for land in Atlas.lands.indices {
            for attribute in Atlas.attributes.indices {
                #expect(
                    Atlas.pairs.training.contains {
                        Atlas.towns[$0.town].land == land && $0.attribute == attribute
                    })
            }
        }
    }

    @Test func theLandIsWrittenOnlyWhereItIsStated() {
        for document in Sample.all where document.kind == "atlas" {
            for truth in document.truths where truth.fact.question == Questions.land && truth.statedFrom == nil {
                #expect(!Sample.contains(document.text, truth.fact.value))
            }
        }
    }

    @Test func theLanguagesShareNoWordAndSayEverything() {
        #expect(Meanings.all.count >= 150)
        var seen: Set<String> = []
        for tongue in Tongue.all {
            for meaning in Meanings.all { #expect(seen.insert(tongue[meaning]).inserted, "\(tongue[meaning])") }
        }
    }
}
