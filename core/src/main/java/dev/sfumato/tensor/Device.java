package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;

/**
 * Where tensors live.
 *
 * @param type {@code cpu} or {@code cuda}
 * @param index the card's number; 0 for the CPU
 */
public record Device(String type, int index) {
  /** The host's memory. */
  public static final Device CPU = new Device("cpu", 0);

  /**
   * Reads {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}; {@code auto} is the first card
   * where the engine finds one, else the CPU.
   *
   * @throws SfumatoException for another name, or a card that is not there
   */
  public static Device parse(String name) {
    if (name.equals("cpu") || (name.equals("auto") && !Engine.hasCuda())) {
      return CPU;
    }
    if (!name.matches("auto|cuda(:\\d{1,3})?")) {
      throw new SfumatoException("device '" + name + "' is unknown: use auto, cpu, cuda or cuda:N");
    }
    if (!Engine.hasCuda()) {
      throw new SfumatoException(
          "device '" + name + "' is not there: the engine finds no CUDA card; use `device` cpu");
    }
    int colon = name.indexOf(':');
    return new Device("cuda", colon < 0 ? 0 : Integer.parseInt(name.substring(colon + 1)));
  }

  /** Whether this is the host's memory. */
  public boolean isCpu() {
    return type.equals("cpu");
  }

  @Override
  public String toString() {
    return isCpu() ? "cpu" : "cuda:" + index;
  }
}
