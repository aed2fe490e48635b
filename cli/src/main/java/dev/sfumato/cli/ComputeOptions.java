package dev.sfumato.cli;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Engine;
import dev.sfumato.tensor.Precision;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options shared by all commands that compute. */
final class ComputeOptions {
  /** The two values of options such as {@code --tf32}. */
  enum Switch {
    ON,
    OFF
  }

  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda[:N]",
      defaultValue = "auto",
      description =
          "Device to compute on (default: ${DEFAULT-VALUE}, the card with the most free memory if"
              + " there is one).")
  String device;

  @Option(
      names = "--tf32",
      paramLabel = "on|off",
      description =
          "Round the operands of convolutions and matrix products to TF32 on a card, which is"
              + " faster and less exact (default: convolutions only, as in PyTorch).")
  Switch tf32;

  @Option(
      names = "--precision",
      paramLabel = "fp32|bf16",
      defaultValue = "fp32",
      description =
          "Precision of convolutions and matrix products (default: ${DEFAULT-VALUE});"
              + " weights and sums stay fp32.")
  Precision precision;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads per operation (default: one per core).")
  Integer threads;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of all random numbers (default: ${DEFAULT-VALUE}).")
  long seed;

  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

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

  /** Sets up the engine and returns the device. */
  Device apply() {
    return WrongCall.checked(
        command,
        () -> {
          if (threads != null) {
            Engine.threads(threads);
          }
          if (tf32 != null) {
            Engine.tf32(tf32 == Switch.ON);
          }
          return Device.parse(device);
        });
  }
}
