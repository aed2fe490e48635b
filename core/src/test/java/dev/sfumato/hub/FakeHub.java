package dev.sfumato.hub;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/**
 * A Hub with one repository, which speaks the protocol of the real one. Large files are served by a
 * second server, to which the first redirects. What goes wrong, and how often, is told to {@link
 * #next}.
 */
public final class FakeHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  private static final int FILES_OF_A_PAGE = 3;

  static { // else the server waits 40 ms between the head and the body of an answer
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  /** The files by name. */
  public final Map<String, byte[]> files = Collections.synchronizedMap(new TreeMap<>());

  /** All requests: {@code METHOD server path}, and {@code range} and {@code token} where given. */
  public final List<String> requests = new CopyOnWriteArrayList<>();

  /** The commits of branches and tags. */
  final Map<String, String> revisions = new ConcurrentHashMap<>(Map.of("main", COMMIT));

  /** The token that allows reading; empty for everybody. */
  volatile Optional<String> token = Optional.empty();

  /** True if the server can list a tree; older ones cannot. */
  volatile boolean listsTrees = true;

  private final Map<String, Deque<Answer>> faults = new ConcurrentHashMap<>();
  private final HttpServer hub;
  private final HttpServer storage;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  FakeHub() {
    hub = serve(this::answer);
    storage = serve(exchange -> content(exchange, exchange.getRequestURI().getPath()));
  }

  private HttpServer serve(HttpHandler handler) {
    try {
      HttpServer server =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.setExecutor(threads);
      server.createContext(
          "/",
          exchange -> {
            try (exchange) {
              note(exchange);
              handler.handle(exchange);
            }
          });
      server.start();
      return server;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Serves the files of a folder to other programs until the process is ended. */
  public static void main(String[] args) throws IOException {
    FakeHub hub = new FakeHub();
    Path folder = Path.of(args[0]);
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path file : tree.filter(Files::isRegularFile).toList()) {
        hub.files.put(folder.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    System.out.println(hub.endpoint());
  }

  // ---- what it holds

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  public void add(String name, String content) {
    files.put(name, content.getBytes(StandardCharsets.UTF_8));
  }

  /** A pipeline with weights in both formats, and what else lies about in a repository. */
  void addPipeline() {
    add(".gitattributes", "*.safetensors filter=lfs");
    add("README.md", "# A model");
    add("model_index.json", "{}");
    add("scheduler/scheduler_config.json", "{\"beta_end\": 0.02}");
    add("unet/config.json", "{\"sample_size\": 8}");
    files.put("unet/diffusion_pytorch_model.safetensors", noise(200_000));
    files.put("unet/diffusion_pytorch_model.bin", noise(100));
  }

  static byte[] noise(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  /** As Git LFS is told to: by the name. */
  static boolean isLarge(String name) {
    return name.matches(".*\\.(safetensors|bin|parquet)");
  }

  /** The hash by which the cache names the file. */
  String hash(String name) {
    byte[] content = files.get(name);
    return isLarge(name) ? hex("SHA-256", content) : gitHash(content);
  }

  private static String gitHash(byte[] content) {
    byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] all = Arrays.copyOf(header, header.length + content.length);
    System.arraycopy(content, 0, all, header.length, content.length);
    return hex("SHA-1", all);
  }

  private static String hex(String algorithm, byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  // ---- what goes wrong

  /**
   * Answers the next requests for {@code what} so, one after the other.
   *
   * @param what the name of a file whose content is asked for; {@code HEAD} and such a name; or
   *     {@code revision} or {@code tree}
   */
  void next(String what, Answer... answers) {
    faults.computeIfAbsent(what, w -> new ArrayDeque<>()).addAll(List.of(answers));
  }

  private Optional<Answer> fault(String what) {
    Deque<Answer> queue = faults.get(what);
    synchronized (faults) {
      return Optional.ofNullable(queue == null ? null : queue.poll());
    }
  }

  // ---- the protocol

  private void note(HttpExchange exchange) {
    String server = exchange.getLocalAddress().equals(hub.getAddress()) ? "hub" : "storage";
    StringBuilder request = new StringBuilder(exchange.getRequestMethod());
    request.append(' ').append(server).append(' ').append(exchange.getRequestURI());
    Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"))
        .ifPresent(range -> request.append(" range ").append(range));
    Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
        .ifPresent(value -> request.append(" token ").append(value));
    requests.add(request.toString());
  }

  private void answer(HttpExchange exchange) throws IOException {
    String sent = exchange.getRequestHeaders().getFirst("Authorization");
    if (token.isPresent() && !("Bearer " + token.get()).equals(sent)) {
      Answer.status(401).to(exchange, new byte[0]);
      return;
    }
    String path = exchange.getRequestURI().getPath();
    String[] parts = path.split("/(revision|tree|resolve)/", 2);
    if (!parts[0].matches("(/api/models|/api/datasets|/datasets|)/org/name")) {
      Answer.status(404, "X-Error-Code", "RepoNotFound").to(exchange, new byte[0]);
    } else if (path.contains("/revision/")) {
      revision(exchange, parts[1]);
    } else if (path.contains("/tree/")) {
      tree(exchange);
    } else {
      resolve(exchange, parts[1].split("/", 2)[0], parts[1].split("/", 2)[1]);
    }
  }

  private void revision(HttpExchange exchange, String revision) throws IOException {
    Optional<Answer> fault = fault("revision");
    String commit =
        revisions.getOrDefault(revision, revisions.containsValue(revision) ? revision : "");
    if (fault.isPresent()) {
      fault.get().to(exchange, new byte[0]);
    } else if (commit.isEmpty()) {
      Answer.status(404, "X-Error-Code", "RevisionNotFound").to(exchange, new byte[0]);
    } else {
      ObjectNode info = JsonFile.MAPPER.createObjectNode().put("id", "org/name").put("sha", commit);
      ArrayNode siblings = info.putArray("siblings");
      files.keySet().forEach(name -> siblings.addObject().put("rfilename", name));
      Answer.send(exchange, JsonFile.MAPPER.writeValueAsBytes(info));
    }
  }

  private void tree(HttpExchange exchange) throws IOException {
    Optional<Answer> fault = fault("tree");
    if (fault.isPresent()) {
      fault.get().to(exchange, new byte[0]);
      return;
    }
    if (!listsTrees) {
      Answer.status(404).to(exchange, new byte[0]);
      return;
    }
    String query = exchange.getRequestURI().getQuery();
    int first = query.contains("cursor") ? Integer.parseInt(query.replaceAll("\\D", "")) : 0;
    int next = first + FILES_OF_A_PAGE;
    if (next < files.size()) {
      String page =
          endpoint() + exchange.getRequestURI().getPath() + "?recursive=True&cursor=" + next;
      exchange.getResponseHeaders().set("Link", "<" + page + ">; rel=\"next\"");
    }
    ArrayNode tree = JsonFile.MAPPER.createArrayNode();
    tree.addObject().put("type", "directory").put("path", "unet").put("oid", "0").put("size", 0);
    for (String name : files.keySet().stream().skip(first).limit(FILES_OF_A_PAGE).toList()) {
      byte[] content = files.get(name);
      ObjectNode file = tree.addObject().put("type", "file").put("path", name);
      file.put("size", content.length).put("oid", gitHash(content));
      if (isLarge(name)) {
        file.putObject("lfs")
            .put("oid", hash(name))
            .put("size", content.length)
            .put("pointerSize", 1);
      }
    }
    Answer.send(exchange, JsonFile.MAPPER.writeValueAsBytes(tree));
  }

  private void resolve(HttpExchange exchange, String commit, String name) throws IOException {
    exchange.getResponseHeaders().set("X-Repo-Commit", commit);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    Optional<Answer> fault = head ? fault("HEAD " + name) : Optional.empty();
    byte[] content = files.get(name);
    if (fault.isPresent()) {
      fault.get().to(exchange, content);
    } else if (content == null) {
      Answer.status(404, "X-Error-Code", "EntryNotFound").to(exchange, new byte[0]);
    } else if (isLarge(name)) {
      exchange.getResponseHeaders().set("X-Linked-Etag", '"' + hash(name) + '"');
      exchange.getResponseHeaders().set("X-Linked-Size", String.valueOf(content.length));
      String there = "http://localhost:" + storage.getAddress().getPort() + "/" + name;
      Answer.status(302, "Location", there, "ETag", "\"of-the-redirect\"").to(exchange, content);
    } else if (head) {
      String size = String.valueOf(content.length);
      Answer.status(200, "ETag", '"' + hash(name) + '"', "Content-Length", size)
          .to(exchange, content);
    } else {
      content(exchange, "/" + name);
    }
  }

  private void content(HttpExchange exchange, String path) throws IOException {
    String name = path.substring(1);
    byte[] content = files.get(name);
    Optional<Answer> fault = fault(name);
    if (fault.isPresent()) {
      fault.get().to(exchange, content);
    } else {
      Answer.content().to(exchange, content);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    storage.stop(0);
    threads.shutdownNow();
  }
}
