package dev.sfumato.cli;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Engine;
import dev.sfumato.tensor.Precision;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options that all commands which compute share. */
final class ComputeOptions {
  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda[:N]",
      defaultValue = "auto",
      description = "Where to compute (default: ${DEFAULT-VALUE}).")
  String device;

  @Option(
      names = "--precision",
      paramLabel = "fp32|bf16",
      defaultValue = "fp32",
      description =
          "Arithmetic of convolutions and matrix products (default: ${DEFAULT-VALUE}); weights"
              + " and sums stay fp32.")
  Precision precision;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of an operation (default: one per core).")
  Integer threads;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of all random numbers (default: ${DEFAULT-VALUE}).")
  long seed;

  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  /** Moves a model to {@code device}, to compute there in the asked precision. */
  void place(DiffusionPipeline pipeline, Device device) {
    pipeline.to(device);
    pipeline.precision(precision);
  }

  /** The same for a CLIP model. */
  void place(ClipModel clip, Device device) {
    clip.to(device);
    clip.precision(precision);
  }

  /** Sets the engine up and gives the device. */
  Device apply() {
    return WrongCall.checked(
        command,
        () -> {
          if (threads != null) {
            Engine.threads(threads);
          }
          return Device.parse(device);
        });
  }
}
