// swift-tools-version: 6.0
import PackageDescription

// Programs that use Interlinear from outside, as a package of yours would (docs/library.md). A package elsewhere names the repository's
// address in place of the path.
let package = Package(
    name: "outside",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "interlinear", path: "../..")],
    targets: [
        .executableTarget(name: "explain", dependencies: offered("Autoencoder", "Tokenization")),
        .executableTarget(name: "score", dependencies: offered("Autoencoder", "Tokenization")),
        .executableTarget(
            name: "steer", dependencies: offered("Autoencoder", "LanguageModel", "Tensors", "Tokenization")),
        .executableTarget(
            name: "custom-reward",
            dependencies: offered("Activations", "Autoencoder", "Claims", "JointTraining", "Runs")),
    ],
    swiftLanguageModes: [.v6]
)

func offered(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "interlinear") } }
