// swift-tools-version: 6.0
import PackageDescription

// Imports point one way:
//   CKernels ← Tensors ← LanguageModel ← nla,  JSON ← Tokenization ← LanguageModel.
let package = Package(
    name: "interlinear",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Tensors", targets: ["Tensors"]),
        .library(name: "Tokenization", targets: ["Tokenization"]),
        .library(name: "LanguageModel", targets: ["LanguageModel"]),
        .executable(name: "nla", targets: ["nla"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"]), .brew(["pcre2"])]),
        .target(name: "CKernels", dependencies: ["CDNNL"], linkerSettings: [.linkedLibrary("dnnl")]),
        .target(name: "JSON"),
        .target(name: "Tensors", dependencies: ["CKernels", "JSON"]),
        .target(name: "Tokenization", dependencies: ["JSON", "CPCRE2"]),
        .target(
            name: "LanguageModel",
            dependencies: ["Tensors", "Tokenization", "JSON"]),
        .target(name: "Workloads", dependencies: ["LanguageModel"], path: "Benchmarks/Workloads"),
        .executableTarget(
            name: "nla",
            dependencies: [
                "LanguageModel", "Workloads", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(name: "KernelChecks", dependencies: ["CKernels"], path: "Tests/KernelChecks"),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "KernelChecks"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
        .target(name: "TestSupport", dependencies: ["LanguageModel"], path: "Tests/TestSupport"),
        .testTarget(name: "LanguageModelTests", dependencies: ["LanguageModel", "TestSupport"]),
        .testTarget(name: "CommandTests", dependencies: ["nla", "LanguageModel", "Tensors", "JSON", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
