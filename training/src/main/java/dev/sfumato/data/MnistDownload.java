package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.UserCache;
import dev.sfumato.io.WebClient;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A published data set in MNIST's format, downloaded once. A file is moved to its place only after
 * its checksum is verified, so files in the cache are complete.
 *
 * @param name the name that users give
 * @param source the folder of the files, with a slash at the end
 * @param md5 the publishers' checksums by file name
 * @param classNames by label
 */
record MnistDownload(String name, URI source, Map<String, String> md5, List<String> classNames) {
  private static final System.Logger log = System.getLogger(MnistDownload.class.getName());
  private static final Duration SILENCE = Duration.ofSeconds(20);
  private static final Duration PATIENCE = Duration.ofHours(1);
  private static final long MOST_BYTES = 64L << 20; // the largest file has 26 MB

  private static final List<String> FILES =
      List.of(
          "train-images-idx3-ubyte.gz",
          "train-labels-idx1-ubyte.gz",
          "t10k-images-idx3-ubyte.gz",
          "t10k-labels-idx1-ubyte.gz");

  private static final MnistDownload MNIST =
      new MnistDownload(
          "mnist",
          URI.create("https://ossci-datasets.s3.amazonaws.com/mnist/"),
          checksums(
              "f68b3c2dcbeaaa9fbdd348bbdeb94873",
              "d53e105ee54ea40749a09fcbcd1e9432",
              "9fb629c4189551a2d022fa330f9573f3",
              "ec29112dd5afa0611ce80d1b7f02629c"),
          IdxDataset.DIGITS);

  private static final MnistDownload FASHION_MNIST =
      new MnistDownload(
          "fashion-mnist",
          URI.create(
              "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
          checksums(
              "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
              "25c81989df183df01b3e8a0aad5dffbe",
              "bef4ecab320f06d8554ea6380940ec79",
              "bb300cfdad3c16e7a12a480ee83cd310"),
          List.of(
              "T-shirt/top",
              "Trouser",
              "Pullover",
              "Dress",
              "Coat",
              "Sandal",
              "Shirt",
              "Sneaker",
              "Bag",
              "Ankle boot"));

  private static Map<String, String> checksums(String... md5) {
    Map<String, String> byFile = new LinkedHashMap<>();
    for (int i = 0; i < FILES.size(); i++) {
      byFile.put(FILES.get(i), md5[i]);
    }
    return byFile;
  }

  /** Returns the data set that users call {@code name}, if there is one. */
  static Optional<MnistDownload> named(String name) {
    return List.of(MNIST, FASHION_MNIST).stream().filter(set -> set.name.equals(name)).findFirst();
  }

  /** Returns the folder of downloads: {@code $XDG_CACHE_HOME/sfumato/datasets}. */
  static Path defaultCache() {
    return UserCache.folder("datasets");
  }

  /**
   * Returns the folder of the files, after downloading those that are missing.
   *
   * @throws SfumatoException if a file cannot be downloaded or is not what was published
   */
  Path folder(Path cache) {
    Path folder = cache.resolve(name);
    WebClient client = new WebClient(SILENCE, HttpClient.Redirect.NORMAL);
    for (String file : md5.keySet()) {
      if (!Files.isRegularFile(folder.resolve(file))) {
        download(client, file, folder);
      }
    }
    return folder;
  }

  private void download(WebClient client, String file, Path folder) {
    URI uri = source.resolve(file);
    log.log(Level.INFO, "downloading " + uri + " to " + folder);
    try (InputStream body = open(client, uri)) {
      byte[] content = body.readAllBytes();
      String found = md5Of(content);
      if (!found.equals(md5.get(file))) {
        throw new IOException("checksum " + found + " instead of " + md5.get(file));
      }
      AtomicFile.write(folder.resolve(file), content);
    } catch (IOException e) {
      throw failed(uri, AtomicFile.reason(e), e);
    }
  }

  private static InputStream open(WebClient client, URI uri) throws IOException {
    HttpResponse<InputStream> response =
        client.send(HttpRequest.newBuilder(uri), MOST_BYTES, bytes -> PATIENCE);
    if (response.statusCode() != 200) {
      response.body().close();
      throw new IOException("HTTP status " + response.statusCode());
    }
    return response.body();
  }

  private SfumatoException failed(URI uri, String reason, Exception cause) {
    return new SfumatoException(
        String.format(
            Locale.ROOT,
            "%s: cannot download %s (%s); without a network, give `data` a folder with %s",
            name,
            uri,
            reason,
            String.join(", ", FILES)),
        cause);
  }

  private static String md5Of(byte[] content) {
    try {
      MessageDigest digest = MessageDigest.getInstance("MD5");
      return HexFormat.of().formatHex(digest.digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has MD5", e);
    }
  }
}
