package dev.sfumato.cli;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.Device;
import picocli.CommandLine.Option;

/** Options shared by all commands that compute. */
final class ComputeOptions extends DeviceOptions {
  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of all random numbers (default: ${DEFAULT-VALUE}).")
  long seed;

  /** Moves a model to {@code device}, to compute there in the requested precision. */
  void place(DiffusionPipeline pipeline, Device device) {
    pipeline.to(device);
    pipeline.precision(precision);
  }

  /** Moves a CLIP model to {@code device}. */
  void place(ClipModel clip, Device device) {
    clip.to(device);
    clip.precision(precision);
  }
}
