package dev.sfumato.tensor;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The cards as NVIDIA's driver describes them. Asking needs no engine and takes no memory on the
 * cards. The cards have the engine's numbers: {@code CUDA_VISIBLE_DEVICES} holds for both.
 */
final class NvidiaDriver {
  private static final int TEXT = 96;
  private static final int MAJOR = 75; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
  private static final int MINOR = 76;
  private static final int SUCCESS = 0;

  /**
   * A card.
   *
   * @param capability the compute capability, such as 9.0
   * @param bytes its memory
   * @param freeBytes the memory that no program uses, if the driver says it
   */
  record Card(String name, String capability, long bytes, OptionalLong freeBytes) {}

  /**
   * The driver.
   *
   * @param version such as 580.159.04, if it is known
   * @param cuda the newest CUDA that it supports, such as 13.0
   */
  record Found(Optional<String> version, String cuda, List<Card> cards) {}

  private NvidiaDriver() {}

  /** Returns what the driver says; empty without a driver. */
  static Optional<Found> ask() {
    Optional<Driver> driver = load("libcuda.so.1", Driver.class);
    Optional<Management> management = load("libnvidia-ml.so.1", Management.class);
    boolean managed = management.map(m -> m.nvmlInit_v2() == SUCCESS).orElse(false);
    try {
      Optional<Management> asked = managed ? management : Optional.empty();
      return driver.map(
          d -> new Found(asked.flatMap(NvidiaDriver::version), cuda(d), cards(d, asked)));
    } finally {
      if (managed) {
        management.get().nvmlShutdown();
      }
    }
  }

  private static <T extends Library> Optional<T> load(String name, Class<T> functions) {
    try {
      return Optional.of(Native.load(name, functions));
    } catch (LinkageError e) {
      return Optional.empty();
    }
  }

  private static Optional<String> version(Management management) {
    byte[] text = new byte[TEXT];
    return management.nvmlSystemGetDriverVersion(text, TEXT) == SUCCESS
        ? Optional.of(Native.toString(text, StandardCharsets.UTF_8))
        : Optional.empty();
  }

  private static String cuda(Driver driver) {
    IntByReference version = new IntByReference();
    driver.cuDriverGetVersion(version);
    return String.format(
        Locale.ROOT, "%d.%d", version.getValue() / 1000, version.getValue() % 1000 / 10);
  }

  private static List<Card> cards(Driver driver, Optional<Management> management) {
    List<Card> cards = new ArrayList<>();
    IntByReference count = new IntByReference();
    if (driver.cuInit(0) != SUCCESS || driver.cuDeviceGetCount(count) != SUCCESS) {
      return cards;
    }
    for (int i = 0; i < count.getValue(); i++) {
      IntByReference device = new IntByReference();
      driver.cuDeviceGet(device, i);
      cards.add(card(driver, management, device.getValue()));
    }
    return cards;
  }

  private static Card card(Driver driver, Optional<Management> management, int device) {
    byte[] name = new byte[TEXT];
    driver.cuDeviceGetName(name, TEXT, device);
    LongByReference bytes = new LongByReference();
    driver.cuDeviceTotalMem_v2(bytes, device);
    byte[] place = new byte[TEXT];
    driver.cuDeviceGetPCIBusId(place, TEXT, device);
    String bus = Native.toString(place, StandardCharsets.UTF_8);
    return new Card(
        Native.toString(name, StandardCharsets.UTF_8),
        attribute(driver, MAJOR, device) + "." + attribute(driver, MINOR, device),
        bytes.getValue(),
        management.map(m -> free(m, bus)).orElse(OptionalLong.empty()));
  }

  private static int attribute(Driver driver, int attribute, int device) {
    IntByReference value = new IntByReference();
    driver.cuDeviceGetAttribute(value, attribute, device);
    return value.getValue();
  }

  private static OptionalLong free(Management management, String bus) {
    PointerByReference device = new PointerByReference();
    long[] totalFreeUsed = new long[3];
    return management.nvmlDeviceGetHandleByPciBusId_v2(bus, device) == SUCCESS
            && management.nvmlDeviceGetMemoryInfo(device.getValue(), totalFreeUsed) == SUCCESS
        ? OptionalLong.of(totalFreeUsed[1])
        : OptionalLong.empty();
  }

  /** Functions of CUDA's driver. */
  interface Driver extends Library {
    int cuInit(int flags);

    int cuDriverGetVersion(IntByReference version);

    int cuDeviceGetCount(IntByReference count);

    int cuDeviceGet(IntByReference device, int number);

    int cuDeviceGetName(byte[] name, int length, int device);

    int cuDeviceTotalMem_v2(LongByReference bytes, int device);

    int cuDeviceGetAttribute(IntByReference value, int attribute, int device);

    int cuDeviceGetPCIBusId(byte[] place, int length, int device);
  }

  /** Functions of NVIDIA's management library. */
  interface Management extends Library {
    int nvmlInit_v2();

    int nvmlShutdown();

    int nvmlSystemGetDriverVersion(byte[] version, int length);

    int nvmlDeviceGetHandleByPciBusId_v2(String place, PointerByReference device);

    int nvmlDeviceGetMemoryInfo(Pointer device, long[] totalFreeUsed);
  }
}
