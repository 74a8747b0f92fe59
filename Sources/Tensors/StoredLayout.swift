/// How a file lays out the weights of a matrix: blocks of codes with their scales. The names are those of GGUF files.
///
/// Values: the Python package gguf, `quants.py`, whose `dequantize` every layout equals bit for bit.
public enum StoredLayout: String, Sendable, CaseIterable {
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2_K = "Q2_K"
    case q3_K = "Q3_K"
    case q4_K = "Q4_K"
    case q5_K = "Q5_K"
    case q6_K = "Q6_K"
    case q8_K = "Q8_K"
    case iq4_nl = "IQ4_NL"
    case iq4_xs = "IQ4_XS"
    case mxfp4 = "MXFP4"
}
