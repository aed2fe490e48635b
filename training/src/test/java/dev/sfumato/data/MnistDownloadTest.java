package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.net.httpserver.HttpServer;
import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistDownloadTest {
  private static final byte[] CONTENT = {'a', 'b', 'c'};
  private static final String MD5_OF_ABC = "900150983cd24fb0d6963f7d28e17f72";

  @TempDir private Path cache;
  private HttpServer server;
  private final AtomicInteger requests = new AtomicInteger();

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/set/file",
        exchange -> {
          requests.incrementAndGet();
          exchange.sendResponseHeaders(200, CONTENT.length);
          exchange.getResponseBody().write(CONTENT);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void downloadsOnce() throws IOException {
    MnistDownload set = set("file", MD5_OF_ABC);
    Path folder = set.folder(cache);
    assertThat(set.folder(cache)).isEqualTo(folder);
    assertThat(Files.readAllBytes(folder.resolve("file"))).isEqualTo(CONTENT);
    assertThat(requests.get()).isEqualTo(1);
    assertThat(filesIn(folder)).hasSize(1);
  }

  @Test
  void keepsNothingWhoseChecksumIsWrong() throws IOException {
    String message = failure(set("file", "0".repeat(32)));
    assertThat(message).contains("checksum " + MD5_OF_ABC + " instead of 000");
    assertThat(Files.exists(cache.resolve("set"))).isFalse();
  }

  @Test
  void saysWhatToDoWhenItFails() {
    assertThat(failure(set("other", MD5_OF_ABC))).contains("HTTP status 404");
    server.stop(0);
    String offline = failure(set("file", MD5_OF_ABC));
    assertThat(offline).startsWith("set: cannot download http://");
    assertThat(offline).contains("without a network, give `data` a folder with train-images");
  }

  @Test
  void stopsReadingAFileWithoutEnd() throws IOException {
    server.createContext(
        "/set/endless",
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunks
          while (true) {
            exchange.getResponseBody().write(new byte[1 << 20]);
          }
        });
    assertThat(failure(set("endless", MD5_OF_ABC)))
        .contains("the server sends more than 67108864 bytes");
    assertThat(Files.exists(cache.resolve("set"))).isFalse();
  }

  @Test
  void knowsItsNames() {
    assertThat(MnistDownload.named("mnist").orElseThrow().md5()).hasSize(4);
    assertThat(MnistDownload.named("fashion-mnist").orElseThrow().classNames()).hasSize(10);
    assertThat(MnistDownload.named("folder")).isEqualTo(Optional.empty());
  }

  private String failure(MnistDownload set) {
    String message = assertThrows(SfumatoException.class, () -> set.folder(cache)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  private MnistDownload set(String file, String md5) {
    InetSocketAddress address = server.getAddress();
    URI source =
        URI.create(
            "http://" + address.getAddress().getHostAddress() + ":" + address.getPort() + "/set/");
    return new MnistDownload("set", source, Map.of(file, md5), List.of("a"));
  }

  private static List<Path> filesIn(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.toList();
    }
  }
}
