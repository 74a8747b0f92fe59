import Training

extension VerificationReport {
    /// What was found, in sentences: of one pair, or from the first pair to the last.
    var findings: [String] {
        sentences.compactMap { sentence in sentence() }
    }

    private var sentences: [() -> String?] {
        [
            { [self] in
                moved("fve_written").map { own in
                    "The words carry \(own) of the activations' variance"
                        + (moved("fve_paraphrased").map { ", paraphrased \($0)" } ?? "") + "."
                }
            },
            { [self] in
                moved("second_fve_written").map { second in
                    "A reader that never met the verbalizer makes \(second) of the same words"
                        + (moved("private").map { "; \($0) of the variance only the pair understands" } ?? "") + "."
                }
            },
            { [self] in
                moved("recovered").map {
                    "In the activation's place, what is rebuilt from the words undoes \($0) of the damage that the mean activation does to the next prediction."
                }
            },
            { [self] in
                moved("claims_true").map { right in
                    "\(right) of the claims are true"
                        + (moved("auc").map { "; the confidence tells them from false ones with an area of \($0)" }
                            ?? "")
                        + (moved("sure_true").map { ", and \($0) of those are true that it believes at 90% or more" }
                            ?? "")
                        + "."
                }
            },
            { [self] in
                moved("continuation").map { words in
                    "From the words alone the text's true continuation is picked at \(words) of the places"
                        + (moved("continuation_vector").map { ", from the activation itself at \($0)" } ?? "") + "."
                }
            },
            { [self] in
                moved("facts_words_latent").map { words in
                    "Of latent facts about to matter, a linear reader of what the words rebuild finds \(words)"
                        + (moved("facts_vector_latent").map { ", of the activation \($0)" } ?? "") + "."
                }
            },
        ]
    }

    /// A number of the last pair with its interval, behind that of the first one if there are several; nil if the last has none.
    private func moved(_ name: String) -> String? {
        guard let last = entries[entries.count - 1].verification[name] else { return nil }
        let text = last.estimate.text(last.style)
        guard entries.count > 1, let first = entries[0].verification[name] else { return text }
        return "\(first.style.text(first.estimate.value)) → \(text)"
    }
}
