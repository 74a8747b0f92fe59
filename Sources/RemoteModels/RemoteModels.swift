// RemoteModels
