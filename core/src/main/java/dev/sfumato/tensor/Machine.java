package dev.sfumato.tensor;

import com.sun.jna.NativeLibrary;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Context;

/**
 * A description of this machine: what the engine needs to compute on a card, and what is there.
 * {@link #describe} helps a user whose card is not found.
 */
public final class Machine {
  private static final String WANTED_CUDA = "13";
  private static final String WANTED_CUDNN = "9 (built against 9.25)";
  private static final String WANTED_DRIVER = "580 or newer";

  /** The libraries that the engine for CUDA needs beside the driver. */
  private static final List<String> LIBRARIES =
      List.of(
          "libcudart.so.13",
          "libcublas.so.13",
          "libcublasLt.so.13",
          "libcudnn.so.9",
          "libcufft.so.12",
          "libcurand.so.10",
          "libcusparse.so.12",
          "libcusolver.so.12",
          "libnvrtc.so.13",
          "libnvJitLink.so.13",
          "libcupti.so.13",
          "libcufile.so.0",
          "libnccl.so.2");

  private Machine() {}

  /** Returns the bytes of memory of this machine, or of the container that limits this process. */
  public static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  /** Returns facts by name, in a sensible order; each is one line. */
  public static Map<String, String> describe() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put(
        "java", System.getProperty("java.version") + ", " + System.getProperty("java.vendor"));
    facts.put(
        "processor",
        Runtime.getRuntime().availableProcessors() + " cores, " + Engine.threads() + " threads");
    facts.put("memory", memoryInWords());
    facts.put(
        "engine",
        "libtorch and its binding "
            + Engine.version()
            + (NativeLibraries.isForCuda() ? ", for CUDA" : ", for the CPU"));
    Optional<NvidiaDriver.Found> driver = NvidiaDriver.ask();
    facts.put(
        "driver",
        wanted(WANTED_DRIVER)
            + driver
                .map(d -> d.version().orElse("unknown") + ", for CUDA up to " + d.cuda())
                .orElse("none"));
    facts.put("cuda", wanted(WANTED_CUDA) + (Engine.hasCuda() ? cuda() : "none in use"));
    facts.put("cudnn", wanted(WANTED_CUDNN) + (Engine.hasCuda() ? cudnn() : "none in use"));
    facts.put("cards", driver.map(d -> d.cards().size()).orElse(0).toString());
    List<NvidiaDriver.Card> cards = driver.map(NvidiaDriver.Found::cards).orElse(List.of());
    for (int i = 0; i < cards.size(); i++) {
      facts.put("cuda:" + i, card(cards.get(i)));
    }
    String missing = missing(driver);
    facts.put(
        "missing",
        NativeLibraries.isForCuda() ? missing : "for a card: " + missing + " (see docs/gpu.md)");
    return facts;
  }

  private static String wanted(String version) {
    return "wanted " + version + ", found ";
  }

  private static String memoryInWords() {
    try {
      Map<String, Long> kilobytes =
          Files.readAllLines(Path.of("/proc/meminfo")).stream()
              .map(line -> line.split("[: ]+"))
              .collect(Collectors.toMap(words -> words[0], words -> Long.parseLong(words[1])));
      return gigabytes(kilobytes.get("MemTotal") * 1024)
          + ", "
          + gigabytes(kilobytes.get("MemAvailable") * 1024)
          + " available";
    } catch (IOException e) {
      return "unknown"; // a system without /proc
    }
  }

  private static String cuda() {
    long version = Engine.call(Context::versionCUDART);
    return String.format(Locale.ROOT, "%d.%d", version / 1000, version % 1000 / 10);
  }

  private static String cudnn() {
    long version = Engine.call(Context::versionRuntimeCuDNN);
    return String.format(
        Locale.ROOT, "%d.%d.%d", version / 10_000, version % 10_000 / 100, version % 100);
  }

  private static String card(NvidiaDriver.Card card) {
    String free =
        card.freeBytes().isPresent()
            ? ", " + gigabytes(card.freeBytes().getAsLong()) + " free"
            : "";
    return card.name()
        + ", compute capability "
        + card.capability()
        + ", "
        + gigabytes(card.bytes())
        + free;
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
  }

  /** Returns what a card needs and is not there, or {@code nothing}. */
  static String missing() {
    return missing(NvidiaDriver.ask());
  }

  private static String missing(Optional<NvidiaDriver.Found> driver) {
    if (!NativeLibraries.isForCuda()) {
      return "an engine for CUDA";
    }
    List<String> libraries = LIBRARIES.stream().filter(name -> !loads(name)).toList();
    String noDriver = driver.isPresent() ? "" : "NVIDIA's driver (libcuda.so.1)";
    String missing =
        noDriver
            + (noDriver.isEmpty() || libraries.isEmpty() ? "" : ", ")
            + String.join(", ", libraries);
    return missing.isEmpty() ? "nothing" : missing;
  }

  private static boolean loads(String library) {
    try {
      NativeLibrary.getInstance(library);
      return true;
    } catch (LinkageError e) {
      return false;
    }
  }
}
