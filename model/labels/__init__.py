"""Labels of nodes by search: the shortest condition over tokens that tells when a node fires."""
