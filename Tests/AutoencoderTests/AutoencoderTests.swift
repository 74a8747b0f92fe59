import Testing

import Autoencoder
