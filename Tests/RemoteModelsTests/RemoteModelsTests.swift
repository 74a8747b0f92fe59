import Testing

import RemoteModels
