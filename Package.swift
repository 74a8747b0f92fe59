// swift-tools-version: 6.1
import PackageDescription

// Imports point one way, from the top of this list to the bottom; a module imports only what stands below it.
//   nla
//   Studio, RedTeam (beside one another), Workloads
//   Faithfulness
//   TinyWorldTraining                      the recipe on the tiny world; the only trainer that knows it
//   ReadableTargets
//   JointTraining, WarmStart               (beside one another)
//   Evaluation
//   Teaching, TargetTraining               (beside one another)
//   Activations
//   Runs, Reports                          runs know nothing of explanations; pages and charts
//   Statistics, Autoencoder, TinyWorld, RemoteModels, Hub
//   LanguageModel, Claims
//   Tokenization, Tensors, Parquet
//   JSON, Digests, HTTP, CKernels
// TinyWorld is a plug-in (`KnownWorld` in Claims): nla and TinyWorldTraining import it, nothing else does.

/// What other packages can build on (docs/library.md), a product for each module. These are stable: they break only with a new minor
/// version, after a deprecation where one is possible.
let stable = ["JSON", "Tensors", "Tokenization", "LanguageModel", "Autoencoder"]
/// These are offered and unstable: any minor version may change them.
let unstable = [
    "Parquet", "Hub", "Claims", "RemoteModels", "Statistics", "Runs", "Activations", "Teaching", "Evaluation",
    "WarmStart", "JointTraining", "Faithfulness",
]
// Every other module is not offered, whatever is `public` in it: CKernels, Reports, TargetTraining, ReadableTargets, TinyWorld,
// TinyWorldTraining, RedTeam, Studio, CPage, Workloads, HTTP and Digests.

/// A module of another package that only the server needs, or its tests. Without the trait nobody fetches or builds it.
func ofServer(_ name: String, _ package: String) -> Target.Dependency {
    .product(name: name, package: package, condition: .when(traits: ["Server"]))
}

let package = Package(
    name: "interlinear",
    platforms: [.macOS(.v15)],
    products: (stable + unstable).map { .library(name: $0, targets: [$0]) } + [
        .executable(name: "nla", targets: ["nla"])
    ],
    traits: [
        .trait(name: "Server", description: "nla serve and nla studio, with the packages that they are built on."),
        .default(enabledTraits: ["Server"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"]), .brew(["pcre2"])]),
        .systemLibrary(
            name: "CCompression", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev", "zlib1g-dev"]), .brew(["zstd"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        .target(name: "CKernels", dependencies: ["CDNNL"], linkerSettings: [.linkedLibrary("dnnl")]),
        .target(name: "JSON"),
        .target(
            name: "Digests",
            dependencies: [.target(name: "COpenSSL", condition: .when(platforms: [.linux, .android, .windows]))]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux, .android]))]),
        .target(name: "HTTP", dependencies: ["CCurl"]),
        .target(name: "GGUF", dependencies: ["JSON"]),
        .target(name: "Parquet", dependencies: ["CCompression", "JSON"]),
        .target(name: "Hub", dependencies: ["Digests", "HTTP", "JSON"]),
        .target(name: "Tensors", dependencies: ["CKernels", "GGUF", "JSON"]),
        .target(name: "Tokenization", dependencies: ["GGUF", "JSON", "CPCRE2"]),
        .target(
            name: "LanguageModel",
            dependencies: ["GGUF", "Tensors", "Tokenization", "JSON"]),
        .target(name: "Claims", dependencies: ["JSON"]),
        .target(name: "TinyWorld", dependencies: ["Claims", "Tensors"]),
        .target(
            name: "Autoencoder",
            dependencies: [
                "Digests", "JSON", "LanguageModel", "Parquet", "Tensors", "Tokenization", "Yams",
            ]),
        .target(name: "RemoteModels", dependencies: ["HTTP", "JSON"]),
        .target(name: "Statistics", dependencies: ["JSON", "Tensors"]),
        .target(name: "Reports", dependencies: ["Statistics", "Tensors"]),
        .target(name: "Runs", dependencies: ["JSON", "LanguageModel", "Tensors", "Yams"]),
        .target(
            name: "Activations",
            dependencies: [
                "Autoencoder", "Claims", "Digests", "JSON", "LanguageModel", "Parquet", "Runs", "Tensors",
                "Tokenization",
            ]),
        .target(
            name: "TargetTraining",
            dependencies: [
                "Activations", "Claims", "JSON", "LanguageModel", "Parquet", "Runs", "Tensors", "Tokenization",
            ]),
        .target(
            name: "Teaching",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Digests", "JSON", "LanguageModel", "Parquet", "RemoteModels",
                "Runs", "Tensors", "Tokenization",
            ]),
        .target(
            name: "Evaluation",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "JSON", "LanguageModel", "Reports", "Runs", "Statistics",
                "Teaching", "Tensors", "Tokenization",
            ]),
        .target(
            name: "WarmStart",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "LanguageModel", "Runs", "Teaching", "Tensors",
                "Tokenization",
            ]),
        .target(
            name: "JointTraining",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "JSON", "LanguageModel", "Reports", "Runs",
                "Teaching", "Tensors",
            ]),
        .target(
            name: "ReadableTargets",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "JointTraining", "LanguageModel", "Runs", "TargetTraining",
                "Tensors",
            ]),
        .target(
            name: "TinyWorldTraining",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "JSON", "JointTraining", "LanguageModel", "Runs",
                "TargetTraining", "Teaching", "Tensors", "TinyWorld", "Tokenization", "WarmStart",
            ]),
        .target(
            name: "Faithfulness",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "JSON", "JointTraining", "LanguageModel",
                "Reports", "Runs", "Statistics", "Teaching", "Tensors", "Tokenization",
            ]),
        .target(
            name: "RedTeam",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "Faithfulness", "JSON", "JointTraining",
                "LanguageModel", "ReadableTargets", "Reports", "Runs", "Statistics", "TargetTraining", "Teaching",
                "Tensors", "Tokenization", "WarmStart",
            ]),
        .target(name: "CPage"),
        .target(
            name: "Studio",
            dependencies: [
                "Autoencoder", "Claims", "CPage", "Digests", "Faithfulness", "JSON", "JointTraining", "LanguageModel",
                "Reports", "Runs", "Tensors", "Tokenization", ofServer("GRDB", "GRDB.swift"),
                ofServer("Hummingbird", "hummingbird"), ofServer("HummingbirdCore", "hummingbird"),
                ofServer("HTTPTypes", "swift-http-types"), ofServer("Logging", "swift-log"),
                ofServer("NIOCore", "swift-nio"), ofServer("NIOHTTPTypes", "swift-nio-extras"),
                ofServer("ServiceLifecycle", "swift-service-lifecycle"),
            ],
            // CPage takes these files in.
            exclude: ["Page"]),
        .target(
            name: "Workloads", dependencies: ["JointTraining", "LanguageModel", "Runs", "Tensors"],
            path: "Benchmarks/Workloads"),
        .executableTarget(
            name: "nla",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "Faithfulness", "GGUF", "Hub", "JSON",
                "JointTraining",
                "LanguageModel", "Parquet", "ReadableTargets", "RedTeam", "RemoteModels", "Runs",
                .target(name: "Studio", condition: .when(traits: ["Server"])), "TargetTraining", "Teaching", "Tensors",
                "TinyWorld", "TinyWorldTraining", "Tokenization", "WarmStart",
                "Workloads", ofServer("Logging", "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "one-page", dependencies: ["JSON", "JointTraining", "LanguageModel", "Tensors"],
            path: "Examples/OnePage"),
        .testTarget(name: "OnePageTests", dependencies: ["one-page"]),
        .target(name: "KernelChecks", dependencies: ["CKernels"], path: "Tests/KernelChecks"),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "KernelChecks"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON"]),
        .testTarget(name: "DigestsTests", dependencies: ["Digests"]),
        .testTarget(
            name: "HTTPTests",
            dependencies: ["HTTP", "TestSupport", ofServer("NIOCore", "swift-nio"), ofServer("NIOPosix", "swift-nio")]),
        .testTarget(name: "GGUFTests", dependencies: ["GGUF", "JSON", "Tensors", "TestSupport"]),
        .testTarget(name: "ParquetTests", dependencies: ["JSON", "Parquet"]),
        .executableTarget(name: "ParquetCases", dependencies: ["JSON", "Parquet"], path: "Tests/ParquetCases"),
        .testTarget(name: "TokenizationTests", dependencies: ["JSON", "TestSupport", "Tokenization"]),
        .executableTarget(
            name: "TokenizationCases", dependencies: ["Tokenization", "JSON"], path: "Tests/TokenizationCases"),
        .testTarget(name: "TensorsTests", dependencies: ["GGUF", "Tensors"]),
        .target(name: "TestSupport", dependencies: ["JSON", "LanguageModel", "Tensors"], path: "Tests/TestSupport"),
        .testTarget(
            name: "LanguageModelTests",
            dependencies: ["GGUF", "JSON", "LanguageModel", "Tensors", "TestSupport", "Tokenization"]),
        .testTarget(name: "ClaimsTests", dependencies: ["Claims", "JSON"]),
        .testTarget(name: "TinyWorldTests", dependencies: ["TinyWorld", "Claims", "Tensors", "TestSupport"]),
        .testTarget(
            name: "AutoencoderTests",
            dependencies: ["Autoencoder", "JSON", "LanguageModel", "Tensors", "TestSupport", "Tokenization"]),
        .target(
            name: "ScriptedServer",
            dependencies: [
                "JSON", ofServer("NIOCore", "swift-nio"), ofServer("NIOPosix", "swift-nio"),
                ofServer("NIOHTTP1", "swift-nio"),
            ], path: "Tests/ScriptedServer"),
        .target(
            name: "ScriptedHub",
            dependencies: [
                "Digests", "JSON", "ScriptedServer", ofServer("NIOCore", "swift-nio"),
                ofServer("NIOHTTP1", "swift-nio"), ofServer("NIOPosix", "swift-nio"),
            ], path: "Tests/ScriptedHub"),
        .executableTarget(name: "HubPull", dependencies: ["Hub"], path: "Tests/HubPull"),
        .executableTarget(name: "ServeHub", dependencies: ["ScriptedHub"], path: "Tests/ServeHub"),
        .testTarget(
            name: "HubTests",
            dependencies: [
                "Hub", "HubPull", "JSON", "ScriptedHub", "ServeHub", "TestSupport",
                ofServer("NIOCore", "swift-nio"), ofServer("NIOPosix", "swift-nio"),
            ]),
        .testTarget(
            name: "RemoteModelsTests", dependencies: ["JSON", "RemoteModels", "ScriptedServer", "TestSupport"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Activations", "Autoencoder", "Claims", "Evaluation", "JSON", "JointTraining", "LanguageModel",
                "Parquet",
                "ReadableTargets", "RemoteModels", "Reports", "Runs", "ScriptedServer", "Statistics", "TargetTraining",
                "Teaching", "Tensors", "TestSupport", "TinyWorld", "TinyWorldTraining", "Tokenization", "WarmStart",
            ]),
        .testTarget(
            name: "FaithfulnessTests",
            dependencies: [
                "Autoencoder", "Claims", "Evaluation", "Faithfulness", "JSON", "LanguageModel", "Runs", "Statistics",
                "Tensors", "TestSupport", "TinyWorld",
            ]),
        .testTarget(
            name: "RedTeamTests",
            dependencies: [
                "Autoencoder", "Claims", "Faithfulness", "JSON", "LanguageModel", "RedTeam", "Reports", "Runs",
                "Statistics", "Tensors", "TestSupport", "TinyWorld", "Tokenization", "WarmStart",
            ]),
        .testTarget(
            name: "StudioTests",
            dependencies: [
                "nla", "Studio", "Autoencoder", "LanguageModel", "Runs", "Tokenization", "Tensors", "TinyWorld", "JSON",
                "HTTP", "TestSupport", ofServer("GRDB", "GRDB.swift"), ofServer("Logging", "swift-log"),
            ]),
        .testTarget(name: "BrowserTests", dependencies: ["nla", "HTTP", "JSON", "TestSupport"]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "nla", "Activations", "Autoencoder", "Claims", "Evaluation", "LanguageModel", "Tensors", "JSON",
                "ScriptedHub", "ScriptedServer", "TestSupport", "TinyWorld",
            ]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu17
)

// The pages of the modules can be made with the plugin too (docs/library.md). Builds and packages that depend on this one never fetch it.
if Context.environment["INTERLINEAR_DOCC_PLUGIN"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

// Every module that a file uses is imported by that file.
for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.enableUpcomingFeature("MemberImportVisibility")]
}
