package main

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"sync"

	"zoo/ordinary"
	"zoo/truth"
)

var lines = sync.Pool{New: func() interface{} { return &line{text: make([]byte, 0, 1<<10)} }}

type line struct {
	text  []byte
	level int
}

// warmPool: what a few requests at the same time leave in a pool. No collection follows.
func warmPool() {
	var inUse []*line
	for i := 0; i < 8; i++ {
		l := lines.Get().(*line)
		l.text = append(l.text[:0], ordinary.Name(uint64(i))...)
		inUse = append(inUse, l)
	}
	appendOnce()
	truth.Settle()
	for _, l := range inUse {
		lines.Put(l)
	}
}

// makeGarbage: half as much has died as lives, as it is before most collections.
func makeGarbage() {
	appendOnce()
	truth.Settle()
	for i := 0; i < truth.Scaled(12000); i++ {
		last = newProfile(i)
	}
}

var last *profile

// The rows of a matrix are windows of one array, and together they are all of it.
type matrix struct {
	rows [][]float32
}

var weights matrix

func cutRows() {
	const columns = 1000
	n := truth.Scaled(12000)
	all := make([]float32, n*columns)
	for i := 0; i < n; i++ {
		weights.rows = append(weights.rows, all[i*columns:(i+1)*columns:(i+1)*columns])
	}
}

// Messages whose header was cut off: most of each text is in use.
var bodies []string

func keepBodies() {
	for i := 0; i < truth.Scaled(12000); i++ {
		m := "id: " + strconv.Itoa(i) + "\nsender: " + ordinary.Mail(uint64(i)) + "\n\n" + strings.Repeat("words "+strconv.Itoa(i), 400)
		bodies = append(bodies, m[strings.Index(m, "\n\n")+2:])
	}
}

// Readers and buffers that are half read.
type download struct {
	name   string
	source *bytes.Buffer
	reader *bufio.Reader
}

var downloads []*download

func readHalf() {
	for i := 0; i < 300; i++ {
		size := truth.Scaled(64 << 10)
		d := &download{name: strconv.Itoa(i), source: bytes.NewBuffer(make([]byte, size))}
		d.source.Next(size / 2)
		d.reader = bufio.NewReaderSize(strings.NewReader(strings.Repeat("line of "+d.name+"\n", size/10)), size)
		d.reader.ReadString('\n')
		downloads = append(downloads, d)
	}
}

// Workers that wait for work, each with a buffer of its own.
var work = make(chan *profile)

func startWorkers() {
	for i := 0; i < 200; i++ {
		buffer := make([]byte, truth.Scaled(128<<10))
		go func() {
			for p := range work {
				copy(buffer, p.picture)
			}
		}()
	}
}

// Texts that many hold and that exist once.
type metric struct {
	name   string
	labels []string
	values [20]float64
}

var metrics []*metric

func internLabels() {
	known := map[string]string{}
	intern := func(s string) string {
		if k, ok := known[s]; ok {
			return k
		}
		known[s] = s
		return s
	}
	for i := 0; i < truth.Scaled(120000); i++ {
		metrics = append(metrics, &metric{
			name:   intern("requests_of_endpoint_" + strconv.Itoa(i%500)),
			labels: []string{intern("host-" + strconv.Itoa(i%90)), intern("zone-" + strconv.Itoa(i%4))},
		})
	}
}
