import GGUF
import JSON

/// How a byte-level tokenizer splits text before it merges, and what else goes with it: GGUF files say it by a name,
/// `tokenizer.ggml.pre`.
///
/// The patterns are those of the models' own tokenizer.json, where llama.cpp writes them in another way. A name that is not known is
/// refused, for another split gives other tokens without a sign.
struct SplittingRule {
    /// The part `pre_tokenizer` of tokenizer.json.
    let preTokenizer: JSONValue
    /// Whether a word that is a piece is taken whole, whatever the merges say.
    var ignoresMerges = false
    /// Whether texts begin with a token where the file does not say it.
    var addsBeginning = false

    /// The rule that a file names. Throws where there is none, or it is not known.
    init(_ header: GGUFHeader) throws {
        let key = "tokenizer.ggml.pre"
        let advice = "give the model's tokenizer.json with --tokenizer"
        guard let name = try header.string(key) else {
            throw header.fail(key, "missing, so how text is split is not known; convert the model again, or \(advice)")
        }
        guard let rule = SplittingRule(named: name) else {
            throw header.fail(key, "the rule \(String(name.prefix(60)).debugDescription) is not known; \(advice)")
        }
        self = rule
    }

    private init(_ steps: [JSONValue], ignoresMerges: Bool = false, addsBeginning: Bool = false) {
        preTokenizer = ["type": "Sequence", "pretokenizers": .array(steps)]
        self.ignoresMerges = ignoresMerges
        self.addsBeginning = addsBeginning
    }

    /// The rule with a name; nil where it is not known.
    init?(named name: String) {
        switch name {
        case "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat", "a.x-4.0",
            "mellum", "modern-bert":
            self.init([Self.gpt2])
        case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2":
            self.init([Self.digits, Self.gpt2])
        case "falcon":
            self.init([Self.punctuation(#"[\p{P}\$\+<=>\^~\|`]+"#), Self.gpt2Words, Self.triples, Self.bytes])
        case "default":
            self.init([
                Self.punctuation(#"[\p{P}\$\+<=>\^~\|]+"#), Self.gpt2Words, Self.split(#"\p{N}+"#), Self.triples,
                Self.bytes,
            ])
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano":
            self.init([Self.words(digits: #"\p{N}{1,3}"#), Self.bytes], ignoresMerges: true, addsBeginning: true)
        case "dbrx", "smaug-bpe", "glm4", "chatglm-bpe":
            self.init([Self.words(digits: #"\p{N}{1,3}"#), Self.bytes])
        case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2":
            self.init([Self.words(digits: #"\p{N}"#), Self.bytes])
        case "qwen35": self.init([Self.split(Self.qwen35), Self.bytes])
        case "tekken":
            self.init(
                [Self.split(Self.cased(ending: "", digits: #"\p{N}"#)), Self.bytes], ignoresMerges: true,
                addsBeginning: true)
        case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2":
            self.init([Self.split(Self.cased(ending: Self.contractions + "?", digits: #"\p{N}{1,3}"#)), Self.bytes])
        case "deepseek-coder":
            self.init([
                Self.split(#"[\r\n]"#), Self.split(#"\s?\p{L}+"#), Self.split(#"\s?\p{P}+"#),
                Self.split(#"[一-龥ࠀ-一가-퟿]+"#), Self.digits, Self.bytes,
            ])
        case "deepseek-v3", "hunyuan-dense", "joyai-llm":
            self.init([
                Self.split(#"\p{N}{1,3}"#), Self.split(#"[一-龥぀-ゟ゠-ヿ]+"#), Self.split(Self.deepSeek), Self.bytes,
            ])
        case "seed-coder": self.init([Self.split(Self.seedCoder), Self.bytes])
        case "bailingmoe", "bailingmoe2", "llada-moe": self.init([Self.split(Self.bailing), Self.bytes])
        default: return nil
        }
    }
}

// MARK: - Steps and patterns

extension SplittingRule {
    /// Every match and everything between is a word.
    private static func split(_ pattern: String) -> JSONValue {
        ["type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false]
    }

    private static func punctuation(_ pattern: String) -> JSONValue { split(pattern) }

    private static let digits: JSONValue = ["type": "Digits", "individual_digits": true]
    private static let triples = split("[0-9][0-9][0-9]")
    /// GPT-2's words, which `ByteLevel` splits by itself.
    private static let gpt2 = byteLevel(splits: true)
    private static let bytes = byteLevel(splits: false)
    private static let gpt2Words = split(#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"#)

    private static func byteLevel(splits: Bool) -> JSONValue {
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": .bool(splits)]
    }

    private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    /// What follows words and numbers in most patterns: signs with line breaks behind, line breaks, white space.
    private static let rest = #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The pattern of GPT-4's kind, which many share.
    private static func words(digits: String) -> JSONValue {
        split(#"\#(contractions)|[^\r\n\p{L}\p{N}]?\p{L}+|\#(digits)|\#(rest)"#)
    }

    /// The pattern that parts words where small letters are followed by large ones.
    private static func cased(ending: String, digits: String) -> String {
        let large = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, small = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
        let before = #"[^\r\n\p{L}\p{N}]?"#
        return before + large + "*" + small + "+" + ending + "|" + before + large + "+" + small + "*" + ending + "|"
            + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let qwen35 =
        contractions
        + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let deepSeek =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
        + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let seedCoder =
        contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let bailing =
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
}
