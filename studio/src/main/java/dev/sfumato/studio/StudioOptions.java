package dev.sfumato.studio;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import java.nio.file.Path;
import java.util.List;

/**
 * Options of a {@link Studio}.
 *
 * @param host the address to listen at; any but a loopback address needs a token
 * @param port the port to listen at; 0 for any free one
 * @param folders the folders whose models, runs and pictures the page may use
 * @param home the folder in which the studio keeps its gallery and uploads
 * @param device the device to compute on, such as {@code auto}, {@code cpu} or {@code cuda:1}
 * @param precision the arithmetic of drawings
 * @param program the name of the command line in copied commands
 */
public record StudioOptions(
    String host,
    int port,
    List<Path> folders,
    Path home,
    String device,
    Precision precision,
    String program) {
  /** The usual port. */
  public static final int PORT = 7860;

  private static final int MAX_PORT = 65535;

  private static final StudioOptions DEFAULTS =
      new StudioOptions(
          "127.0.0.1",
          PORT,
          List.of(Path.of("")),
          Path.of(System.getProperty("user.home"), ".sfumato", "studio"),
          "auto",
          Precision.FP32,
          "sfumato");

  /**
   * Checks the device and the port.
   *
   * @throws InvalidOptionException if the port is not 0 to 65535
   * @throws dev.sfumato.SfumatoException if there is no such device
   */
  public StudioOptions {
    folders = List.copyOf(folders);
    Device.parse(device);
    InvalidOptionException.require(
        port >= 0 && port <= MAX_PORT,
        "`port` must lie between 0 and " + MAX_PORT + ", not " + port);
  }

  /**
   * Returns port 7860 of 127.0.0.1, the current folder, {@code .sfumato/studio} in the user's
   * folder, and the best device in fp32.
   */
  public static StudioOptions defaults() {
    return DEFAULTS;
  }

  /** Returns a copy that listens at another address. */
  public StudioOptions withHost(String other) {
    return new StudioOptions(other, port, folders, home, device, precision, program);
  }

  /** Returns a copy that listens at another port; 0 for any free one. */
  public StudioOptions withPort(int other) {
    return new StudioOptions(host, other, folders, home, device, precision, program);
  }

  /** Returns a copy whose page may use these folders. */
  public StudioOptions withFolders(List<Path> others) {
    return new StudioOptions(host, port, others, home, device, precision, program);
  }

  /** Returns a copy that keeps its gallery and uploads in another folder. */
  public StudioOptions withHome(Path other) {
    return new StudioOptions(host, port, folders, other, device, precision, program);
  }

  /** Returns a copy that computes elsewhere. */
  public StudioOptions withDevice(String other, Precision arithmetic) {
    return new StudioOptions(host, port, folders, home, other, arithmetic, program);
  }

  /** Returns a copy with another name of the command line. */
  public StudioOptions withProgram(String other) {
    return new StudioOptions(host, port, folders, home, device, precision, other);
  }
}
