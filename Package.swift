// swift-tools-version: 6.0
import PackageDescription

// Imports point one way:
//   CKernels ← Tensors ← LanguageModel ← Autoencoder ← Training ← nla,  JSON ← Tokenization ← LanguageModel,
//   JSON ← Parquet ← Autoencoder,  JSON ← Hub ← nla,  JSON ← Claims ← TinyWorld ← Training,  JSON ← RemoteModels ← Training,
//   Training ← Faithfulness ← nla,
//   Faithfulness ← Studio ← nla,  Faithfulness ← RedTeam ← nla.
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
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"]), .brew(["pcre2"])]),
        .systemLibrary(
            name: "CCompression", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev", "zlib1g-dev"]), .brew(["zstd"])]),
        .target(name: "CKernels", dependencies: ["CDNNL"], linkerSettings: [.linkedLibrary("dnnl")]),
        .target(name: "JSON"),
        .target(name: "Parquet", dependencies: ["CCompression", "JSON"]),
        .target(
            name: "Hub",
            dependencies: [
                "JSON", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(name: "Tensors", dependencies: ["CKernels", "JSON"]),
        .target(name: "Tokenization", dependencies: ["JSON", "CPCRE2"]),
        .target(
            name: "LanguageModel",
            dependencies: ["Tensors", "Tokenization", "JSON"]),
        .target(name: "Claims", dependencies: ["JSON"]),
        .target(name: "TinyWorld", dependencies: ["Claims", "Tensors"]),
        .target(
            name: "Autoencoder",
            dependencies: [
                "LanguageModel", "Parquet", "Yams", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "RemoteModels",
            dependencies: [
                "JSON", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .target(
            name: "Training",
            dependencies: [
                "Autoencoder", "LanguageModel", "Parquet", "TinyWorld", "RemoteModels", "Claims", "Yams",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "Faithfulness",
            dependencies: ["Autoencoder", "Claims", "LanguageModel", "TinyWorld", "Tokenization", "Training"]),
        .target(
            name: "RedTeam",
            dependencies: [
                "Autoencoder", "Claims", "Faithfulness", "JSON", "LanguageModel", "Tensors", "TinyWorld",
                "Tokenization", "Training",
            ]),
        .target(name: "CPage"),
        .target(
            name: "Studio",
            dependencies: [
                "Autoencoder", "Claims", "CPage", "Faithfulness", "JSON", "LanguageModel", "Tensors", "TinyWorld",
                "Tokenization", "Training", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            // CPage takes these files in.
            exclude: ["Page"]),
        .target(name: "Workloads", dependencies: ["LanguageModel", "Training"], path: "Benchmarks/Workloads"),
        .executableTarget(
            name: "nla",
            dependencies: [
                "Autoencoder", "Claims", "Faithfulness", "Hub", "LanguageModel", "Parquet", "RedTeam", "RemoteModels",
                "Studio",
                "TinyWorld", "Training", "Workloads", .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "one-page", dependencies: ["JSON", "LanguageModel", "Tensors", "Training"], path: "Examples/OnePage"),
        .testTarget(name: "OnePageTests", dependencies: ["one-page"]),
        .target(name: "KernelChecks", dependencies: ["CKernels"], path: "Tests/KernelChecks"),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "KernelChecks"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "ParquetTests", dependencies: ["JSON", "Parquet"]),
        .executableTarget(name: "ParquetCases", dependencies: ["JSON", "Parquet"], path: "Tests/ParquetCases"),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization", "TestSupport"]),
        .executableTarget(
            name: "TokenizationCases", dependencies: ["Tokenization", "JSON"], path: "Tests/TokenizationCases"),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
        .target(name: "TestSupport", dependencies: ["JSON", "LanguageModel", "Tensors"], path: "Tests/TestSupport"),
        .testTarget(name: "LanguageModelTests", dependencies: ["LanguageModel", "TestSupport"]),
        .testTarget(name: "ClaimsTests", dependencies: ["Claims"]),
        .testTarget(name: "TinyWorldTests", dependencies: ["TinyWorld", "Claims", "Tensors", "TestSupport"]),
        .testTarget(name: "AutoencoderTests", dependencies: ["Autoencoder", "TestSupport"]),
        .target(
            name: "ScriptedServer",
            dependencies: [
                "JSON", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], path: "Tests/ScriptedServer"),
        .target(
            name: "ScriptedHub",
            dependencies: [
                "JSON", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/ScriptedHub"),
        .executableTarget(name: "HubPull", dependencies: ["Hub"], path: "Tests/HubPull"),
        .executableTarget(name: "ServeHub", dependencies: ["ScriptedHub"], path: "Tests/ServeHub"),
        .testTarget(
            name: "HubTests",
            dependencies: [
                "Hub", "HubPull", "JSON", "ScriptedHub", "ServeHub", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "RemoteModelsTests", dependencies: ["JSON", "RemoteModels", "ScriptedServer", "TestSupport"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Claims", "Parquet", "TinyWorld", "Autoencoder", "ScriptedServer", "TestSupport",
            ]),
        .testTarget(
            name: "FaithfulnessTests",
            dependencies: [
                "Faithfulness", "Training", "Claims", "TinyWorld", "Autoencoder", "LanguageModel", "Tensors", "JSON",
                "TestSupport",
            ]),
        .testTarget(
            name: "RedTeamTests",
            dependencies: [
                "RedTeam", "Faithfulness", "Training", "Claims", "TinyWorld", "Autoencoder", "LanguageModel", "Tensors",
                "JSON", "TestSupport",
            ]),
        .testTarget(
            name: "StudioTests",
            dependencies: [
                "nla", "Studio", "Autoencoder", "LanguageModel", "Tokenization", "Tensors", "JSON", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "BrowserTests",
            dependencies: [
                "nla", "JSON", "TestSupport", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "nla", "Autoencoder", "Claims", "LanguageModel", "Tensors", "JSON", "ScriptedServer", "TestSupport",
            ]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)
