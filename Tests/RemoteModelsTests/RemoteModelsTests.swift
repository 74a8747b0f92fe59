import Testing

@testable import RemoteModels
