import Testing

@testable import TinyWorld
