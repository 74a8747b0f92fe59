// Autoencoder
