package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The meeting point of a run's processes and this process's place among them, from the environment
 * that torchrun, {@code sfumato launch} and Kubeflow's PyTorchJob give to each process.
 *
 * @param rank the number of this process, 0 to {@code size - 1} ({@code RANK})
 * @param size the number of processes ({@code WORLD_SIZE})
 * @param localRank the number of this process on its machine, 0 if not set ({@code LOCAL_RANK})
 * @param localSize the number of processes on its machine, 1 if not set ({@code LOCAL_WORLD_SIZE})
 * @param address the host of the store through which they find each other ({@code MASTER_ADDR})
 * @param port the port of that store ({@code MASTER_PORT})
 * @param agentStore whether the program that started the processes hosts the store; otherwise rank
 *     0 does ({@code TORCHELASTIC_USE_AGENT_STORE})
 * @param attempt separates a restart's entries in the store from those of earlier processes ({@code
 *     TORCHELASTIC_RESTART_COUNT})
 */
public record Rendezvous(
    int rank,
    int size,
    int localRank,
    int localSize,
    String address,
    int port,
    boolean agentStore,
    String attempt) {
  private static final int MOST_PROCESSES = 1 << 16;

  /**
   * Reads the variables of {@code environment}; empty if it names no other processes.
   *
   * @throws SfumatoException naming the variable that is missing or wrong
   */
  public static Optional<Rendezvous> of(Map<String, String> environment) {
    if (!environment.containsKey("RANK") && !environment.containsKey("WORLD_SIZE")) {
      return Optional.empty();
    }
    int size = number(environment, "WORLD_SIZE", 1, MOST_PROCESSES);
    int rank = number(environment, "RANK", 0, size - 1);
    if (size == 1) {
      return Optional.empty();
    }
    return Optional.of(
        new Rendezvous(
            rank,
            size,
            environment.containsKey("LOCAL_RANK")
                ? number(environment, "LOCAL_RANK", 0, size - 1)
                : 0,
            environment.containsKey("LOCAL_WORLD_SIZE")
                ? number(environment, "LOCAL_WORLD_SIZE", 1, size)
                : 1,
            text(environment, "MASTER_ADDR"),
            number(environment, "MASTER_PORT", 1, 65_535),
            environment.getOrDefault("TORCHELASTIC_USE_AGENT_STORE", "").equals("True"),
            environment.getOrDefault("TORCHELASTIC_RESTART_COUNT", "0")));
  }

  private static int number(Map<String, String> environment, String name, int least, int most) {
    String text = text(environment, name);
    if (!text.matches("\\d{1,9}")
        || Integer.parseInt(text) < least
        || Integer.parseInt(text) > most) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the environment variable %s is '%s', but must be a number from %d to %d",
              name,
              text,
              least,
              most));
    }
    return Integer.parseInt(text);
  }

  private static String text(Map<String, String> environment, String name) {
    String value = environment.getOrDefault(name, "").strip();
    if (value.isEmpty()) {
      throw new SfumatoException(
          "the environment variable "
              + name
              + " is not set: several processes need RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT,"
              + " as sfumato launch or torchrun set them");
    }
    return value;
  }
}
