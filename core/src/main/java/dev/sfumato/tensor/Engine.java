package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Context;
import org.bytedeco.pytorch.global.torch;

/**
 * The settings of the native engine: its threads, its arithmetic and its error messages.
 *
 * <p>Loading this class prepares the engine, so every native object of this package, constants
 * included, is made inside {@link #call}.
 */
public final class Engine {
  private static final int THREADS_PER_PROCESSOR = 8; // more would only wait for each other

  static {
    // JavaCPP reads these when its first class is initialised. Scopes free native memory; left
    // alone, JavaCPP counts every allocation against the Java heap's limit and calls the garbage
    // collector, up to ten times with pauses, when it passes that limit.
    setDefault("org.bytedeco.javacpp.nopointergc", "true");
    setDefault("org.bytedeco.javacpp.maxBytes", "0");
    setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    NativeSettings.apply();
    checkVersionsSilently();
    NativeLibraries.load(Engine::leaveOutNnpack);
    limitThreads();
    leaveOutOlderCudnn();
  }

  private static final Pattern FULL_CARD =
      Pattern.compile("CUDA (?:error: )?out of memory(?:.*?Tried to allocate ([\\d.]+ \\w+))?");
  private static final Pattern FULL_MACHINE =
      Pattern.compile(
          "DefaultCPUAllocator: .* allocate (?:(\\d+)\\d{6}|\\d+) bytes|std::bad_alloc");
  private static final Pattern NATIVE_FRAMES =
      Pattern.compile("\\nException raised from|\\s*frame #0:");

  private Engine() {}

  /**
   * Loads this class; call it before the first use of another library that comes through JavaCPP.
   */
  public static void prepare() {}

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /**
   * Suppresses the warning that OpenBLAS and JavaCPP are of different releases, which is on
   * purpose. The binding of OpenBLAS checks that once, when its class is initialised, and does not
   * warn while the loading of libraries is switched off.
   */
  private static void checkVersionsSilently() {
    String loading = System.getProperty("org.bytedeco.javacpp.loadlibraries");
    System.setProperty("org.bytedeco.javacpp.loadlibraries", "false");
    try {
      Class.forName("org.bytedeco.openblas.presets.openblas_nolapack");
    } catch (ClassNotFoundException e) {
      // An engine without OpenBLAS has nothing to warn about.
    } finally {
      if (loading == null) {
        System.clearProperty("org.bytedeco.javacpp.loadlibraries");
      } else {
        System.setProperty("org.bytedeco.javacpp.loadlibraries", loading);
      }
    }
  }

  /**
   * Switches NNPACK off: it computes some convolutions on one thread, and on unsupported processors
   * it prints a warning for each.
   */
  private static void leaveOutNnpack() {
    torch.globalContext().setUserEnabledNNPACK(false);
  }

  /**
   * Leaves attention on cards to the engine's own kernels if cuDNN is older than the one that the
   * engine was built against: its attention then fails in training in bfloat16.
   */
  private static void leaveOutOlderCudnn() {
    if (torch.hasCUDA() && Context.versionRuntimeCuDNN() < Context.versionCuDNN()) {
      torch.globalContext().setSDPUseCuDNN(false);
    }
  }

  /** Limits the threads, since OMP_NUM_THREADS may ask for more than the system can start. */
  private static void limitThreads() {
    if (torch.get_num_threads() > maxThreads()) {
      torch.set_num_threads(maxThreads());
    }
  }

  private static int maxThreads() {
    return THREADS_PER_PROCESSOR * Runtime.getRuntime().availableProcessors();
  }

  /** Returns the number of threads that one operation may use. */
  public static int threads() {
    return call(torch::get_num_threads);
  }

  /**
   * Sets the number of threads that one operation may use, at any time and for all threads of the
   * program. The limit does not cover matrix products: OpenBLAS has threads of its own, one per
   * core unless {@code OPENBLAS_NUM_THREADS} is set.
   *
   * <p>Results are the same from run to run with one number of threads. Another number adds sums in
   * another order and changes the last bits.
   *
   * @throws SfumatoException if {@code threads} is less than 1 or more than eight for each
   *     processor
   */
  public static void threads(int threads) {
    int most = maxThreads();
    if (threads < 1 || threads > most) {
      throw new SfumatoException(
          "threads must be at least 1 and at most "
              + most
              + ", eight for each processor, not "
              + threads);
    }
    call(
        () -> {
          torch.set_num_threads(threads);
          return threads;
        });
  }

  /** Returns the version of the engine and of its Java binding, such as {@code 2.13.0-1.5.14}. */
  public static String version() {
    Properties properties = new Properties();
    try (InputStream in =
        torch.class.getResourceAsStream("/META-INF/maven/org.bytedeco/pytorch/pom.properties")) {
      properties.load(in == null ? InputStream.nullInputStream() : in);
    } catch (IOException e) {
      return "unknown";
    }
    return properties.getProperty("version", "unknown");
  }

  /** Returns true if the engine was loaded with CUDA and sees a card. */
  public static boolean hasCuda() {
    return cards() > 0;
  }

  /** Returns the number of cards that the engine sees. */
  static int cards() {
    return call(() -> torch.hasCUDA() ? (int) torch.getNumGPUs() : 0);
  }

  /**
   * Sets whether cards of the generations since Ampere round the operands of float32 convolutions
   * and matrix products to TF32, with 10 bits behind the point: faster, and less exact. Unless this
   * is called, convolutions do and products do not, as in PyTorch. It has no effect on the CPU.
   */
  public static void tf32(boolean on) {
    call(
        () -> {
          torch.globalContext().setAllowTF32CuDNN(on);
          torch.globalContext().setAllowTF32CuBLAS(on);
          return on;
        });
  }

  /**
   * Runs one call of the engine, during which no tensor that it works with is freed; its errors
   * become one line without native stack frames.
   */
  static <T> T call(Supplier<T> operation) {
    try {
      return Operand.during(operation);
    } catch (SfumatoException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new SfumatoException(explained(firstLine(String.valueOf(e.getMessage()))), e);
    }
  }

  /** Says what helps if the memory of a card or of the machine is full. */
  static String explained(String message) {
    Matcher card = FULL_CARD.matcher(message);
    if (card.find()) {
      return "the card's memory is full"
          + wanted(card.group(1))
          + ": use a smaller `batchSize`, in training with more `gradientAccumulationSteps` or with"
          + " `gradientCheckpointing`, or a card with more free memory; a training goes on from its"
          + " last checkpoint with `resume`";
    }
    Matcher machine = FULL_MACHINE.matcher(message);
    if (machine.find()) {
      return "the memory is full"
          + wanted(machine.group(1) == null ? null : machine.group(1) + " MB")
          + ": use a smaller `batchSize` or smaller pictures, in training `gradientCheckpointing`; a"
          + " training can be resumed from its last checkpoint";
    }
    return message;
  }

  private static String wanted(String amount) {
    return amount == null ? "" : " (tried to allocate " + amount + ")";
  }

  private static String firstLine(String message) {
    String text = NATIVE_FRAMES.split(message, 2)[0].strip();
    return text.lines().map(String::strip).reduce((a, b) -> a + " " + b).orElse("engine error");
  }
}
