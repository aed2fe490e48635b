package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;

/**
 * A place for tensors: the host's memory or a card.
 *
 * @param type {@code cpu}, {@code cuda} or {@code meta}, where tensors have a shape and no elements
 * @param index the card's number; 0 for the others
 */
public record Device(String type, int index) {
  /** The host's memory. */
  public static final Device CPU = new Device("cpu", 0);

  /**
   * Reads {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}; {@code auto} is the first card
   * where the engine finds one, else the CPU.
   *
   * @throws SfumatoException for another name, or a card that does not exist
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
          "device '" + name + "' does not exist: the engine finds no CUDA card; use `device` cpu");
    }
    int colon = name.indexOf(':');
    return new Device("cuda", colon < 0 ? 0 : Integer.parseInt(name.substring(colon + 1)));
  }

  /** Returns the engine's object for this device, to be closed. */
  org.bytedeco.pytorch.Device handle() {
    return new org.bytedeco.pytorch.Device(toString());
  }

  /** Returns the device of {@code tensor}. */
  static Device of(org.bytedeco.pytorch.Tensor tensor) {
    if (tensor.is_cpu()) {
      return CPU;
    }
    try (org.bytedeco.pytorch.Device device = tensor.device()) {
      return new Device(tensor.is_meta() ? "meta" : "cuda", Math.max(0, device.index()));
    }
  }

  /** Returns true if this is a card. */
  public boolean isCuda() {
    return type.equals("cuda");
  }

  /** Returns true if this is the host's memory. */
  public boolean isCpu() {
    return type.equals("cpu");
  }

  @Override
  public String toString() {
    return isCuda() ? type + ":" + index : type;
  }
}
