package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import org.bytedeco.javacpp.Loader;

/**
 * Unpacks the native libraries from their jars before JavaCPP looks for them.
 *
 * <p>JavaCPP writes each library straight to its final place, so another process may map an
 * incomplete file, and an interrupted process leaves one for ever. Here one process at a time
 * writes each file under another name, checks it, forces it to the disk and renames it. JavaCPP
 * then finds every file whole, with the size and time of its entry in the jar, and only makes
 * links.
 */
final class NativeLibraries {
  private static final String CACHE = "org.bytedeco.javacpp.cachedir";
  private static final List<String> PACKAGES =
      List.of("javacpp", "openblas", "pytorch", "leptonica");
  private static final String CUDA = "-gpu";
  private static final int MEGABYTES = isForCuda() ? 950 : 450;

  private NativeLibraries() {}

  /**
   * Runs {@code loading}, which makes JavaCPP load the engine, once its libraries are unpacked.
   *
   * @throws SfumatoException if no folder has room for the libraries, or they cannot be loaded
   */
  static void load(Runnable loading) {
    List<JarFile> jars = PACKAGES.stream().flatMap(name -> jar(name).stream()).toList();
    String done = jars.stream().map(NativeLibraries::name).collect(Collectors.joining(" "));
    Path marker = Path.of(".sfumato-" + Integer.toHexString(done.hashCode()));
    Path cache = folder(marker);
    System.setProperty(CACHE, cache.toString());
    try {
      if (Files.exists(cache.resolve(marker))) {
        loading.run();
        return;
      }
      try (FileChannel lock =
              FileChannel.open(
                  cache.resolve(".sfumato-lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock held = lock.lock()) {
        for (JarFile jar : jars) {
          unpack(jar, cache);
        }
        loading.run(); // makes the links for the next process
        AtomicFile.write(cache.resolve(marker), new byte[0]);
      }
    } catch (IOException e) {
      throw unusable(List.of(cache + " (" + AtomicFile.reason(e) + ")"), e);
    } catch (LinkageError | SfumatoException e) {
      throw unusable(List.of(cache + " (" + e.getMessage() + ")"), e);
    }
  }

  /** Returns the jar of a package's libraries; empty if they come another way. */
  private static Optional<JarFile> jar(String name) {
    String library = name.equals("pytorch") ? "torch" : name;
    String kind = name.equals("pytorch") && isForCuda() ? CUDA : "";
    URL url = resource(name, kind, library);
    try {
      return url != null && url.openConnection() instanceof JarURLConnection connection
          ? Optional.of(connection.getJarFile())
          : Optional.empty();
    } catch (IOException e) {
      throw new SfumatoException(url + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  private static URL resource(String name, String kind, String library) {
    return NativeLibraries.class.getResource(
        "/org/bytedeco/" + name + "/" + Loader.getPlatform() + kind + "/libjni" + library + ".so");
  }

  /** Returns true if the engine on the class path is the one for CUDA. */
  static boolean isForCuda() {
    return resource("pytorch", CUDA, "torch") != null;
  }

  private static String name(JarFile jar) {
    return Path.of(jar.getName()).getFileName().toString();
  }

  // ---- the folder

  /** Returns the folder that the user named, or else the first usable one. */
  private static Path folder(Path marker) {
    String chosen = System.getProperty(CACHE);
    List<String> folders =
        chosen != null
            ? List.of(chosen)
            : List.of(
                System.getProperty("user.home") + "/.javacpp/cache",
                System.getProperty("java.io.tmpdir")
                    + "/.javacpp-"
                    + System.getProperty("user.name")
                    + "/cache");
    List<String> reasons = new ArrayList<>();
    for (String folder : folders) {
      Path path = Path.of(folder).toAbsolutePath();
      Optional<String> reason = reasonAgainst(path, marker);
      if (reason.isEmpty()) {
        return path;
      }
      reasons.add(path + " (" + reason.get() + ")");
    }
    throw unusable(reasons, null);
  }

  private static Optional<String> reasonAgainst(Path folder, Path marker) {
    try {
      Files.createDirectories(folder);
      if (!Files.isWritable(folder)) {
        return Optional.of("read-only");
      }
      if (isTemporary(folder) && !Files.getAttribute(folder, "unix:uid").equals(uid())) {
        return Optional.of("another user's"); // whose owner could change the libraries
      }
      if (Files.exists(folder.resolve(marker))) {
        return Optional.empty();
      }
      if (Files.getFileStore(folder).getUsableSpace() < MEGABYTES * 1_000_000L) {
        return Optional.of("too little room");
      }
      Path probe = Files.createTempFile(folder, ".sfumato", ".probe");
      try {
        boolean executable = probe.toFile().setExecutable(true) && Files.isExecutable(probe);
        return executable ? Optional.empty() : Optional.of("mounted noexec");
      } finally {
        Files.delete(probe);
      }
    } catch (IOException e) {
      return Optional.of(AtomicFile.reason(e));
    }
  }

  private static boolean isTemporary(Path folder) {
    return folder.startsWith(Path.of(System.getProperty("java.io.tmpdir")).toAbsolutePath());
  }

  private static Object uid() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private static SfumatoException unusable(List<String> folders, Throwable cause) {
    return new SfumatoException(
        "the engine's libraries cannot be unpacked and loaded: "
            + String.join(", ", folders)
            + "; name a folder with "
            + MEGABYTES
            + " MB of room from which programs may run, as with"
            + " JAVA_TOOL_OPTIONS=-D"
            + CACHE
            + "=DIR",
        cause);
  }

  // ---- the files

  private static void unpack(JarFile jar, Path cache) throws IOException {
    List<JarEntry> libraries =
        jar.stream()
            .filter(entry -> entry.getName().matches("org/bytedeco/.*\\.so[.0-9]*"))
            .toList();
    Path folder = cache.resolve(name(jar));
    for (JarEntry library : libraries) {
      Path file = folder.resolve(library.getName());
      if (!isWhole(file, library)) {
        unpack(jar, library, file);
      }
    }
    try (Stream<Path> files = Files.walk(folder)) { // left by an interrupted process
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (libraries.stream().noneMatch(library -> isWhole(file, library))) {
          Files.delete(file);
        }
      }
    }
  }

  /** JavaCPP sets the time of a file when it has written all of it. */
  private static boolean isWhole(Path file, JarEntry library) {
    return file.toFile().length() == library.getSize()
        && file.toFile().lastModified() == library.getTime();
  }

  private static void unpack(JarFile jar, JarEntry library, Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Files.deleteIfExists(file); // also a link
    AtomicFile.write(
        file,
        aside -> {
          CRC32 sum = new CRC32();
          try (InputStream in = new CheckedInputStream(jar.getInputStream(library), sum)) {
            Files.copy(in, aside);
          }
          if (sum.getValue() != library.getCrc()) {
            throw new IOException(jar.getName() + " is damaged");
          }
          Files.setLastModifiedTime(aside, FileTime.fromMillis(library.getTime()));
        });
  }
}
