package dev.sfumato.cli;

import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Engine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options that all commands which compute share. */
final class ComputeOptions {
  enum Precision {
    FP32,
    BF16
  }

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

  /** Sets the engine up and gives the device. */
  Device apply() {
    return WrongCall.checked(
        command,
        () -> {
          if (threads != null) {
            Engine.threads(threads);
          }
          Autocast.bfloat16(precision == Precision.BF16);
          return Device.parse(device);
        });
  }
}
